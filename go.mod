module github.com/metalio/metalio

go 1.26.0
