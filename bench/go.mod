module github.com/metalio/metalio/bench

go 1.26.0

replace github.com/metalio/metalio => ../
