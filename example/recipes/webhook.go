package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin"
)

// Payment is an event of the payment provider's.
type Payment struct {
	ID   string `json:"id"` // the same each time that it is delivered
	User uint   `json:"user"`
	Plan string `json:"plan"`
}

// SeenPayment is the row of an event that was carried out.
type SeenPayment struct {
	ID        string `gorm:"primaryKey;size:100"`
	CreatedAt time.Time
}

// PaymentWebhook changes the plan of whoever has paid, and tells the cache.
func PaymentWebhook(db *gorm.DB, auth *powgin.Auth[User], secret []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		payment, ok := readPayment(c, secret)
		if !ok {
			return
		}
		ctx := c.Request.Context()
		err := applyPayment(ctx, db, payment) // which commits
		if err == nil {
			// Also for an event that was seen: it may come again because this failed.
			err = auth.Sync(ctx, User{ID: payment.User}, powgin.Regenerate())
		}
		answer(c, err)
	}
}

// FollowedPaymentWebhook is PaymentWebhook where db.Use(auth) has the cache
// follow what is written through db: nobody has to tell it.
func FollowedPaymentWebhook(db *gorm.DB, secret []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		if payment, ok := readPayment(c, secret); ok {
			answer(c, applyPayment(c.Request.Context(), db, payment))
		}
	}
}

// applyPayment changes the plan and notes the event in one transaction, so that
// an event which is delivered twice, or twice at once, counts once.
func applyPayment(ctx context.Context, db *gorm.DB, payment Payment) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		seen := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&SeenPayment{ID: payment.ID})
		if seen.Error != nil || seen.RowsAffected == 0 {
			return seen.Error
		}
		var user User
		if err := tx.Select("id").Where("id = ?", payment.User).Take(&user).Error; err != nil {
			return err // nobody's: it is not noted either, and may come again
		}
		return tx.Model(&user).Update("plan", payment.Plan).Error
	})
}

func readPayment(c *gin.Context, secret []byte) (payment Payment, ok bool) {
	body, ok := signedBody(c, secret)
	if !ok {
		return Payment{}, false
	}
	if err := json.Unmarshal(body, &payment); err != nil || payment.ID == "" || payment.Plan == "" {
		c.AbortWithStatus(http.StatusBadRequest)
		return Payment{}, false
	}
	return payment, true
}

// answer tells another program whether it has to come again.
func answer(c *gin.Context, err error) {
	switch {
	case err == nil:
		c.Status(http.StatusNoContent)
	case errors.Is(err, gorm.ErrRecordNotFound):
		c.AbortWithStatus(http.StatusNotFound)
	default:
		_ = c.AbortWithError(powgin.AbortStatus(err), err) // 503 where it could not be told
	}
}
