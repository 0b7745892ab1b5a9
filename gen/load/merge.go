package load

import "slices"

// appended are the keys whose lists add to the extended files' lists.
var appended = []string{"absent", "defines", "headers"}

// merge lays over, a file's mapping, over base and changes base. family is the
// narrowest family in force in that file.
func merge(base, over *node, family string) {
	for _, e := range over.entries {
		old := base.entry(e.key)
		switch {
		case old == nil:
			added := &entry{key: e.key, pos: e.pos, family: family, value: e.value}
			if e.value.kind == mapping {
				added.value = &node{kind: mapping, pos: e.value.pos}
				merge(added.value, e.value, family)
			}
			base.entries = append(base.entries, added)
		case old.value.kind == mapping && e.value.kind == mapping:
			// The last file that touches an entity is where its faults are looked for.
			old.pos, old.value.pos = e.pos, e.value.pos
			merge(old.value, e.value, family)
			if ordered[e.key] {
				reorder(old.value, e.value)
			}
		default:
			old.value, old.pos = e.value, e.pos
		}
	}
}

// ordered are the mappings in which order counts.
var ordered = map[string]bool{"fields": true, "params": true}

// reorder puts base's entries in the order of over if that names them all, so
// that a file can put a new one in front of another.
func reorder(base, over *node) {
	place := map[string]int{}
	for i, e := range over.entries {
		place[e.key] = i
	}
	for _, e := range base.entries {
		if _, named := place[e.key]; !named {
			return
		}
	}
	slices.SortFunc(base.entries, func(a, b *entry) int { return place[a.key] - place[b.key] })
}

// union returns a list of a's items and then b's, each text once.
func union(a, b *node) *node {
	if a == nil || b == nil {
		return b
	}
	out := &node{kind: list, pos: b.pos}
	seen := map[string]bool{}
	for _, n := range []*node{a, b} {
		for _, item := range n.items {
			if !seen[item.text] {
				seen[item.text] = true
				out.items = append(out.items, item)
			}
		}
	}
	return out
}
