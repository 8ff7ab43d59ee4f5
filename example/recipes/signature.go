package recipes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	signatureHeader = "Webhook-Signature" // t=1767225600,v1=5f3c…
	tolerance       = 5 * time.Minute     // how old a signed request may be
	bodyLimit       = 64 << 10
)

// Sign returns the signature of a body, as the header has it.
func Sign(body, secret []byte, now time.Time) string {
	at := strconv.FormatInt(now.Unix(), 10)
	return "t=" + at + ",v1=" + hex.EncodeToString(digest(at, body, secret))
}

// Signed reports whether the header is a signature of this body, made with the
// secret and not longer ago than the tolerance. While a secret is replaced there
// may be several v1, of which one has to fit. An empty secret signs nothing.
func Signed(header string, body, secret []byte, now time.Time) bool {
	var at string
	var sums [][]byte
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			at = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				sums = append(sums, sum)
			}
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || len(secret) == 0 || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	want := digest(at, body, secret)
	return slices.ContainsFunc(sums, func(sum []byte) bool { return hmac.Equal(sum, want) })
}

// digest covers the time as well, or an old body could be sent with a new one.
func digest(at string, body, secret []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(at + ".")) // it never fails
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// signedBody returns the body as it was sent, which is what the signature is of,
// and answers those who have not signed it.
func signedBody(c *gin.Context, secret []byte) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, bodyLimit))
	if err != nil {
		c.AbortWithStatus(http.StatusBadRequest)
		return nil, false
	}
	if !Signed(c.GetHeader(signatureHeader), body, secret, time.Now()) {
		c.AbortWithStatus(http.StatusUnauthorized)
		return nil, false
	}
	return body, true
}
