package handlers

import "strings"

// maxPath bounds what LocalPath accepts.
const maxPath = 2 << 10

// LocalPath returns s and true where s is a path of this site that a redirect
// may lead to. It refuses everything that a browser could take for another
// site: two slashes or a slash and a backslash at its start, whether as sent
// or after cleaning, control characters, and anything over 2 KiB. (OWASP
// Unvalidated Redirects and Forwards Cheat Sheet; browsers treat a backslash as
// a slash and drop tabs and line breaks.)
func LocalPath(s string) (string, bool) {
	if len(s) == 0 || len(s) > maxPath || s[0] != '/' {
		return "", false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f || s[i] == '\\' {
			return "", false
		}
	}
	p, _, _ := strings.Cut(s, "?")
	p, _, _ = strings.Cut(p, "#")
	// Two slashes at the start name a host. Elsewhere they are harmless, but for
	// a path whose dot segments, once resolved, leave them at the start.
	if strings.HasPrefix(p, "//") || strings.Contains(p, "//") && dotted(p) {
		return "", false
	}
	return s, true
}

// dotted reports whether a path has a dot segment, in any spelling.
func dotted(p string) bool {
	p = strings.ReplaceAll(strings.ToLower(p), "%2e", ".")
	for seg := range strings.SplitSeq(p, "/") {
		if seg == "." || seg == ".." {
			return true
		}
	}
	return false
}
