package handlers

import (
	"database/sql"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestSecretNames(t *testing.T) {
	t.Parallel()
	secret := []string{
		"Password", "PasswordHash", "hashed_password", "Userpassword", "Passwd", "APIKey", "ApiKeys", "Apikey",
		"api_key2", "TOTPSecret", "OTPs", "Otp", "RecoveryCodes", "Salt", "SHA256Hash", "Hashes", "PrivateKey",
		"privateKeyPEM", "OAuth2Token", "Tokens", "reset-token", "Client_Secret",
	}
	for _, name := range secret {
		if !secretName(name) {
			t.Errorf("secretName(%q) = false; want true (words %q)", name, nameWords(name))
		}
	}
	plain := []string{
		"", "Name", "Hashtag", "Desalted", "Tokenized", "Secretary", "Basalt", "Key", "PublicKey", "APIVersion",
		"KeyAPI", "Private", "Option", "Laptop", "Recovered", "ID", "E-mail",
	}
	for _, name := range plain {
		if secretName(name) {
			t.Errorf("secretName(%q) = true; want false (words %q)", name, nameWords(name))
		}
	}
}

func TestNameWords(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"TOTPSecret": {"totp", "secret"}, "api_key2": {"api", "key", "2"}, "UserIDs": {"user", "ids"},
		"HTTPSProxyURL": {"https", "proxy", "url"}, "__a__": {"a"}, "ÉtatÇivil": {"état", "çivil"},
	}
	for name, want := range tests {
		if got := nameWords(name); !slices.Equal(got, want) {
			t.Errorf("nameWords(%q) = %q; want %q", name, got, want)
		}
	}
}

func TestSecretSentence(t *testing.T) {
	t.Parallel()
	type User struct {
		ID           uint
		PasswordHash string
	}
	want := []Fault{{Field: "User.PasswordHash", Rule: secretRule}}
	got := CheckSecrets(reflect.TypeFor[User](), true)
	if !slices.Equal(got, want) {
		t.Fatalf("CheckSecrets() = %v; want %v", got, want)
	}
	const sentence = `User.PasswordHash looks secret: tag it powgin:"-" (powgin never reads or caches it) or powgin:"keep"`
	if got[0].Error() != sentence {
		t.Errorf("fault = %q; want %q", got[0], sentence)
	}
}

type secretCreds struct {
	PasswordHash string
	Pin          string     `json:"-"`
	MFA          *secretMFA `gorm:"embedded"`
}

type secretMFA struct{ TOTPSecret []byte }

type secretSettings struct {
	APIKey string
	Theme  string
	Next   *secretSettings
}

type secretCompany struct {
	ID      uint
	Token   string
	OwnerID uint
}

type secretUser struct {
	gorm.Model
	secretCreds
	SecretBase
	Email      string          `json:"email"`
	Hidden     string          `json:"-"`
	HiddenAge  int             `json:"-"`
	Raw        json.RawMessage `json:"-"`
	Digest     string          `gorm:"column:password_hash"`
	Tokens     []string
	Otp        *string
	Salt       sql.NullString
	Hash       sql.Null[string]
	TokenAt    time.Time
	TokenCount int
	Keep       string           `json:"-" powgin:"keep"`
	Password   string           `powgin:"-"`
	Secret     string           `gorm:"-"`
	Passwd     string           `gorm:"-:all"`
	ApiKey     string           `gorm:"->:false;<-:create"` //nolint:staticcheck // another name than APIKey
	APIKey     string           `gorm:"-:migration"`
	Typo       string           `powgin:"omit"`
	Settings   secretSettings   `gorm:"serializer:json"`
	Company    secretCompany    `gorm:"foreignKey:OwnerID"`
	Companies  []*secretCompany `gorm:"foreignKey:OwnerID"`
	Creds      secretCreds      `gorm:"embedded" powgin:"keep"`
	token      string
}

// SecretBase is exported: GORM reads what it embeds.
type SecretBase struct{ RecoveryCode string }

var _ = secretUser{token: ""} // which GORM does not see

func faultFields(faults []Fault) []string {
	fields := make([]string, len(faults))
	for i, fault := range faults {
		fields[i] = fault.Field
	}
	return fields
}

func TestCheckSecretsFindsWhatGORMLoads(t *testing.T) {
	t.Parallel()
	want := []string{
		"SecretBase.RecoveryCode", "Hidden", "Raw", "Digest", "Tokens", "Otp", "Salt", "Hash",
		"APIKey", "Typo", "Settings.APIKey",
	}
	for i := range want {
		want[i] = "secretUser." + want[i]
	}
	got := CheckSecrets(reflect.TypeFor[secretUser](), true)
	if !slices.Equal(faultFields(got), want) {
		t.Errorf("CheckSecrets() names\n%q; want\n%q", faultFields(got), want)
	}
	if i := slices.IndexFunc(got, func(f Fault) bool { return f.Field == "secretUser.Typo" }); i >= 0 {
		const sentence = `secretUser.Typo (omit) has an unknown powgin tag: it is powgin:"-" or powgin:"keep"`
		if got[i].Error() != sentence {
			t.Errorf("fault = %q; want %q", got[i], sentence)
		}
	}
}

func TestCheckSecretsWithoutGORMLooksEverywhere(t *testing.T) {
	t.Parallel()
	type user struct {
		ID      string
		Company *secretCompany
		List    map[string][]secretMFA
		Ignored SecretBase `gorm:"-"`
		hash    string
	}
	_ = user{hash: ""}
	want := []string{
		"user.Company.Token", "user.List.TOTPSecret", "user.Ignored.RecoveryCode", "user.hash",
	}
	if got := faultFields(CheckSecrets(reflect.TypeFor[user](), false)); !slices.Equal(got, want) {
		t.Errorf("CheckSecrets() names %q; want %q", got, want)
	}
}

func TestCheckSecretsLetsAPlainModelPass(t *testing.T) {
	t.Parallel()
	type user struct {
		gorm.Model
		Email, Name, Hashtag, Role string
		Address                    []byte
	}
	if got := CheckSecrets(reflect.TypeFor[user](), true); len(got) != 0 {
		t.Errorf("CheckSecrets() = %v; want none", got)
	}
}
