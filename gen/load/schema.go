package load

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of a spec file, written from
// the same table that Dir checks against. An editor needs it to check while
// you type; it cannot say what only several files together show.
func Schema() ([]byte, error) {
	root := fileShape.schema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "A platform spec of metalio"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(root); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var schemaTypes = map[kind]string{
	text: "string", integer: "integer", boolean: "boolean", list: "array", mapping: "object",
}

// schema returns s as a JSON Schema: encoding/json writes map keys in order, so
// that the text is the same every time.
func (s *shape) schema() map[string]any {
	full := map[string]any{"type": schemaTypes[s.kind]}
	switch {
	case s.kind == mapping:
		s.mappingSchema(full)
	case s.kind == list:
		full["items"] = s.items.schema()
		if s.count > 0 {
			full["minItems"], full["maxItems"] = s.count, s.count
		}
	case s.kind == integer:
		full["minimum"], full["maximum"] = json.Number("-9223372036854775808"), json.Number("18446744073709551615")
		if s.low != nil {
			full["minimum"], full["maximum"] = *s.low, maxCount
		}
	case len(s.words) > 0:
		full["enum"] = s.words
	case s.regex != "":
		full["pattern"] = s.regex
	}
	if s.bare == nil {
		return full
	}
	return map[string]any{"anyOf": []any{s.key(s.short).schema(), full}}
}

func (s *shape) mappingSchema(full map[string]any) {
	if s.named != nil {
		full["additionalProperties"] = s.named.schema()
		if s.name != nil {
			full["propertyNames"] = map[string]any{"pattern": s.name.regex}
		}
		return
	}
	properties := map[string]any{}
	for _, k := range s.keys {
		p := k.schema()
		p["description"] = strings.TrimSpace(k.doc)
		properties[k.name] = p
	}
	full["properties"] = properties
	full["additionalProperties"] = false
}
