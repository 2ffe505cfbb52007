package terminal

import (
	"strconv"
	"strings"
	"testing"
)

// screen is as much of a terminal as the display uses.
type screen struct {
	t        *testing.T
	width    int
	rows     [][]rune
	row, col int
}

func (s *screen) Write(p []byte) (int, error) {
	in := []rune(string(p))
	for i := 0; i < len(in); i++ {
		switch r := in[i]; r {
		case '\r':
			s.col = 0
		case '\n': // A terminal's ONLCR makes it both.
			s.row, s.col = s.row+1, 0
		case '\x1b':
			end := i + 2
			for in[end] >= '0' && in[end] <= '9' || in[end] == ';' {
				end++
			}
			s.control(in[end], string(in[i+2:end]))
			i = end
		default:
			s.put(r)
		}
	}
	return len(p), nil
}

func (s *screen) put(r rune) {
	if s.col >= s.width {
		s.t.Errorf("column %d of a screen of %d is written: the terminal would wrap", s.col+1, s.width)
	}
	line := s.line()
	for len(*line) <= s.col {
		*line = append(*line, ' ')
	}
	(*line)[s.col] = r
	s.col++
}

func (s *screen) line() *[]rune {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
	return &s.rows[s.row]
}

func (s *screen) control(command rune, argument string) {
	n, _ := strconv.Atoi(argument)
	switch command {
	case 'A':
		s.row -= n
		if s.row < 0 {
			s.t.Errorf("the cursor leaves the screen at the top by %d", -s.row)
			s.row = 0
		}
	case 'K':
		line := s.line()
		*line = (*line)[:min(s.col, len(*line))]
	case 'J':
		line := s.line()
		*line = (*line)[:min(s.col, len(*line))]
		s.rows = s.rows[:s.row+1]
	case 'm': // Colours take no room.
	default:
		s.t.Errorf("escape sequence %q is not one that this test's terminal knows", string(command))
	}
}

func (s *screen) String() string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}
