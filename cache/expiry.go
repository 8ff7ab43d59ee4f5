package cache

import (
	"container/heap"
	"sync"
	"time"
)

// An expiryQueue remembers when accounts of a Memory may be forgotten, by the
// second. An account is in it once, at the expiry it had when it was created
// or last looked at: one that lives longer by then is put back. So moving an
// expiry costs nothing, and forgetting visits only accounts that are due.
//
// What is found is taken in small batches and judged outside the lock, which
// no call holds for longer than a batch takes.
type expiryQueue struct {
	mu      sync.Mutex
	seconds secondHeap        // of those with entries
	due     map[int64]*expiry // by second
}

// expiry is a batch of entries of one second; full batches are chained.
type expiry struct {
	older *expiry
	n     int
	refs  [16]accountRef
}

type accountRef struct {
	space  *memorySpace
	id     AccountID
	serial uint64 // of the account; another account of this id has another
}

func secondOf(t Time) int64 { return int64(t) / int64(time.Second) }

func (q *expiryQueue) add(ref accountRef, at Time) {
	second := secondOf(at)
	q.mu.Lock()
	defer q.mu.Unlock()
	head := q.due[second]
	if head == nil || head.n == len(head.refs) {
		if head == nil {
			heap.Push(&q.seconds, second)
		}
		head = &expiry{older: head}
		if q.due == nil {
			q.due = make(map[int64]*expiry)
		}
		q.due[second] = head
	}
	head.refs[head.n] = ref
	head.n++
}

// take returns a batch of accounts whose second is not after now's, nil where
// nothing is due.
func (q *expiryQueue) take(now Time) *expiry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.seconds) == 0 || q.seconds[0] > secondOf(now) {
		return nil
	}
	second := q.seconds[0]
	head := q.due[second]
	if head.older == nil {
		delete(q.due, second)
		heap.Pop(&q.seconds)
	} else {
		q.due[second] = head.older
	}
	return head
}

// secondHeap is a heap of seconds, the earliest first.
type secondHeap []int64

func (h secondHeap) Len() int           { return len(h) }
func (h secondHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h secondHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *secondHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *secondHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
