package facts

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	maxDepth  = 100   // nesting depth of one parsed value
	maxValues = 50000 // number of values in one parsed file, after pick
)

// normal converts the parsers' results to JSON's types: nil, bool, string, json.Number, []any and
// map[string]any. Dates, infinities and non-string keys become strings.
type normal struct{ values int }

func (n *normal) value(v any, depth int) (any, error) {
	if n.values++; n.values > maxValues {
		return nil, fmt.Errorf("more than %d values in one file", maxValues)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if err := n.into(out, k, x, depth); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if err := n.into(out, fmt.Sprint(k), x, depth); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := n.value(x, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	}
	return scalar(v), nil
}

func (n *normal) into(out map[string]any, k string, v any, depth int) error {
	x, err := n.value(v, depth+1)
	out[strings.ToValidUTF8(k, "\uFFFD")] = x
	return err
}

func scalar(v any) any {
	switch v := v.(type) {
	case nil, bool, json.Number:
		return v
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case int:
		return json.Number(strconv.Itoa(v))
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case uint64:
		return json.Number(strconv.FormatUint(v, 10))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case fmt.Stringer: // TOML's local dates and times
		return v.String()
	}
	return fmt.Sprint(v)
}
