package handlers

import (
	"slices"
	"strings"
	"unicode"
)

// secretWords make a name look secret, alone or as one of its words, also in
// the plural.
var secretWords = []string{
	"password", "passwd", "secret", "token", "otp", "totp", "recovery", "salt", "hash", "apikey", "privatekey",
}

// secretPairs do so as two words that follow one another.
var secretPairs = [][2]string{{"api", "key"}, {"private", "key"}}

// secretParts do so within a longer word too ("userpassword"): no plain word
// holds them.
var secretParts = []string{"password", "passwd"}

// secretName tells whether the name of a field or column speaks of a secret.
func secretName(name string) bool {
	words := nameWords(name)
	for i, word := range words {
		if slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(word, part) }) {
			return true
		}
		word = singular(word)
		if slices.Contains(secretWords, word) {
			return true
		}
		if i > 0 && slices.Contains(secretPairs, [2]string{words[i-1], word}) {
			return true
		}
	}
	return false
}

func singular(word string) string {
	if word == "hashes" {
		return "hash"
	}
	return strings.TrimSuffix(word, "s")
}

// nameWords splits a name in CamelCase or snake_case into its words, in lower
// case: "TOTPSecret" is totp and secret, "api_key2" is api, key and 2.
func nameWords(name string) []string {
	var words []string
	runes := []rune(name)
	start := 0
	end := func(i int) {
		if i > start {
			words = append(words, strings.ToLower(string(runes[start:i])))
		}
		start = i
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			start = i + 1
		case i > start && wordBegins(runes, i):
			end(i)
		}
	}
	end(len(runes))
	return words
}

// wordBegins tells whether a word begins at the i-th rune, i > 0: at a capital
// after a small letter, at the last capital of several where a small letter
// follows, and where digits begin or end.
func wordBegins(runes []rune, i int) bool {
	before, r := runes[i-1], runes[i]
	if unicode.IsDigit(before) != unicode.IsDigit(r) {
		return true
	}
	if !unicode.IsUpper(r) {
		return false
	}
	return !unicode.IsUpper(before) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !pluralEnd(runes, i))
}

// pluralEnd tells the small s after capitals that ends a word: "OTPs".
func pluralEnd(runes []rune, i int) bool {
	return runes[i+1] == 's' && (i+2 == len(runes) || !unicode.IsLower(runes[i+2]))
}
