package hold

import "sync"

// Set is the locks that a backend holds, by lab. The zero value is ready, and its
// methods may be called from several goroutines.
type Set struct {
	mu    sync.Mutex
	locks map[string]*Lock
}

// Hold takes a lab's lock, by take, or goes on holding it.
func (s *Set) Hold(lab string, take func() (*Lock, error)) error {
	s.mu.Lock()
	_, held := s.locks[lab]
	s.mu.Unlock()
	if held {
		return nil
	}
	l, err := take() // Which may wait for long, and other labs do not.
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks == nil {
		s.locks = map[string]*Lock{}
	}
	s.locks[lab] = l
	return nil
}

// LetGo releases a lab's lock, if it is held.
func (s *Set) LetGo(lab string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locks[lab].Release()
	delete(s.locks, lab)
}

// Close releases all.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for lab, l := range s.locks {
		l.Release()
		delete(s.locks, lab)
	}
}
