// Package recipes changes users outside of their own requests: in a webhook, in
// a job, by an administrator's program and in a migration. README.md tells what
// each recipe is for; the code is there to be copied.
package recipes
