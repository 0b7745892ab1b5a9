// Package load reads the platform specs: YAML files that extend one another.
//
// A file goes through four steps. Parsing keeps the place of every value
// (parse.go). Checking compares each file by itself with the format's one
// table (format.go, shape.go), from which the JSON Schema for editors is
// written as well (schema.go). Merging lays a file over those that it extends,
// key by key (merge.go). Decoding fills package model's types (decode.go).
//
// Every fault comes as a model.Error that names file, line and column, and as
// many as can be found come together in a model.Errors. What a spec means, such
// as the layout of a structure, is package check's part.
package load
