package facts

import (
	"bytes"
	"regexp/syntax"
)

// needles returns literal strings such that every match of the regular expression contains at least one of them,
// or nil if none can be derived. Searching a lock file of several megabytes for literals takes a fraction of the time
// that the regular expression takes, and most files contain none.
func needles(expr string) [][]byte {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	return needed(re)
}

func needed(re *syntax.Regexp) [][]byte {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return [][]byte{[]byte(string(re.Rune))}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpAlternate:
		var all [][]byte
		for _, sub := range re.Sub {
			of := needed(sub)
			if of == nil {
				return nil
			}
			all = append(all, of...)
		}
		return all
	case syntax.OpConcat:
		var best [][]byte
		for _, sub := range re.Sub {
			if of := needed(sub); shortest(of) > shortest(best) {
				best = of
			}
		}
		return best
	}
	return nil
}

// shortest returns the length of the shortest text, or 0 if there are none.
func shortest(texts [][]byte) int {
	n := 0
	for i, t := range texts {
		if i == 0 || len(t) < n {
			n = len(t)
		}
	}
	return n
}

// mayMatch reports whether data can contain a match of an expression with these needles.
func mayMatch(needles [][]byte, data []byte) bool {
	if needles == nil {
		return true
	}
	for _, n := range needles {
		if bytes.Contains(data, n) {
			return true
		}
	}
	return false
}
