package state

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Local is a store in memory: the front of every [Memory], and all of one that
// has no other. Rows that expired go when they are the oldest, or are asked for.
type Local struct {
	mu    sync.Mutex
	rows  map[Key]*entry
	all   [kinds]queue
	owned [kinds]map[string]*queue
}

var _ Store = (*Local)(nil)

type entry struct {
	row         Row
	inAll, mine *list.Element
}

// queue are rows from the oldest to the newest.
type queue struct {
	list list.List
	size Size
}

// NewLocal makes an empty one.
func NewLocal() *Local {
	l := &Local{rows: map[Key]*entry{}}
	for k := range l.owned {
		l.owned[k] = map[string]*queue{}
	}
	return l
}

// PutState implements Store.
func (l *Local) PutState(_ context.Context, rows []Row, now time.Time, limits Limits) ([kinds]Size, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		l.drop(l.rows[row.Key])
		l.put(row)
	}
	for k := range l.all {
		l.shrink(&l.all[k], func(e *entry) bool { return now.Before(e.row.Expires) })
	}
	for _, row := range rows {
		if mine := l.owned[row.Kind][row.Workload]; mine != nil {
			l.shrink(mine, func(*entry) bool { return mine.size.Within(limits[row.Kind].Workload) })
		}
	}
	for k := range l.all {
		l.shrink(&l.all[k], func(*entry) bool { return l.all[k].size.Within(limits[k].Total) })
	}
	return l.sizesLocked(), nil
}

// shrink drops the oldest of a queue until one may stay.
func (l *Local) shrink(q *queue, stays func(oldest *entry) bool) {
	for q.list.Len() > 0 {
		oldest := q.list.Front().Value.(*entry)
		if stays(oldest) {
			return
		}
		l.drop(oldest)
	}
}

func (l *Local) put(row Row) {
	mine := l.owned[row.Kind][row.Workload]
	if mine == nil {
		mine = &queue{}
		l.owned[row.Kind][row.Workload] = mine
	}
	e := &entry{row: row}
	e.inAll, e.mine = l.all[row.Kind].push(e), mine.push(e)
	l.rows[row.Key] = e
}

func (q *queue) push(e *entry) *list.Element {
	q.size.add(Size{1, int64(len(e.row.Box))})
	return q.list.PushBack(e)
}

func (q *queue) remove(at *list.Element) {
	e := q.list.Remove(at).(*entry)
	q.size.add(Size{-1, -int64(len(e.row.Box))})
}

func (l *Local) drop(e *entry) {
	if e == nil {
		return
	}
	owned := l.owned[e.row.Kind]
	l.all[e.row.Kind].remove(e.inAll)
	owned[e.row.Workload].remove(e.mine)
	if owned[e.row.Workload].list.Len() == 0 {
		delete(owned, e.row.Workload)
	}
	delete(l.rows, e.row.Key)
}

// FindState implements Store.
func (l *Local) FindState(_ context.Context, key Key, now time.Time) (*Row, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.rows[key]
	if e == nil {
		return nil, nil
	}
	if !now.Before(e.row.Expires) {
		l.drop(e)
		return nil, nil
	}
	row := e.row
	return &row, nil
}

// HeldState implements Store.
func (l *Local) HeldState(_ context.Context, now time.Time) ([]Held, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.rows {
		if !now.Before(e.row.Expires) {
			l.drop(e)
		}
	}
	var out []Held
	for k := range l.owned {
		for workload, q := range l.owned[k] {
			h := Held{Kind: Kind(k), Workload: workload, Size: q.size}
			for at := q.list.Front(); at != nil; at = at.Next() {
				if e := at.Value.(*entry); e.row.Expires.After(h.Until) {
					h.Until = e.row.Expires
				}
			}
			out = append(out, h)
		}
	}
	return out, nil
}

func (l *Local) sizes() [kinds]Size {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizesLocked()
}

func (l *Local) sizesLocked() (out [kinds]Size) {
	for k := range l.all {
		out[k] = l.all[k].size
	}
	return out
}
