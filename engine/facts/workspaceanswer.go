package facts

import "strings"

// answer builds the answer for the app, which is the member own.
func (f *foundWorkspace) answer(own *member) Answer {
	var needs, others []any
	in := map[*member]bool{}
	var visit func(m *member)
	visit = func(m *member) {
		if in[m] {
			return
		}
		in[m] = true
		for _, n := range m.needs {
			visit(n)
		}
		if m != own {
			needs = append(needs, m.value())
		}
	}
	visit(own)
	below := map[*member]bool{own: true}
	for i, all := 0, []*member{own}; i < len(all); i++ {
		for _, n := range all[i].names {
			if !below[n] {
				below[n], all = true, append(all, n)
			}
			visit(n)
		}
	}
	if f.top != nil {
		for _, n := range f.top.needs {
			visit(n)
		}
	}
	for _, m := range f.members {
		if !in[m] {
			others = append(others, m.value())
		}
	}
	return Answer{OK: true, Value: map[string]any{
		"root": f.root, "up": strings.Repeat("../", strings.Count(own.dir, "/")+1), "file": f.file,
		"dir": own.dir, "name": own.name, "needs": append([]any{}, needs...), "others": append([]any{}, others...),
		"missing": append([]any{}, f.missing...),
	}}
}

func (m *member) value() any {
	return map[string]any{"dir": m.dir, "name": m.name, "manifest": m.picked}
}

// picked returns the picked part of a manifest.
func (f *foundWorkspace) picked(data any) any {
	none := map[string]any{}
	if _, ok := data.(map[string]any); !ok || f.pick == nil {
		return none
	}
	n := normal{}
	v, err := n.value(pick(data, f.pick), 0)
	if err != nil {
		return none
	}
	return v
}
