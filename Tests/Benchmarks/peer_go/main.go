// The same work in Go, with the standard library alone, as a user who cares about speed writes it: the shape is looked
// at before the body is decoded once, work is done in place, and numbers are appended to a buffer that is used again,
// since encoding/json takes longer to print them. usage: peer-go PORT
package main

import (
	"encoding/json"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
)

// Rows that the first member holds, not numbers.
var nested = regexp.MustCompile(`^\s*\{\s*"\w*"\s*:\s*\[\s*\[`)

type input struct {
	logits, cotangents [][]float64
	// One row, given and answered as a flat array.
	flat bool
}

func decode(body []byte) (input, error) {
	if nested.Match(body) {
		var batch struct{ Logits, Cotangents [][]float64 }
		err := json.Unmarshal(body, &batch)
		return input{batch.Logits, batch.Cotangents, false}, err
	}
	var row struct{ Logits, Cotangents []float64 }
	err := json.Unmarshal(body, &row)
	return input{[][]float64{row.Logits}, [][]float64{row.Cotangents}, true}, err
}

func softmax(y []float64) {
	top := math.Inf(-1)
	for _, z := range y {
		if z > top {
			top = z
		}
	}
	sum := 0.0
	for i, z := range y {
		y[i] = math.Exp(z - top)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
}

func appendRow(out []byte, row []float64) []byte {
	out = append(out, '[')
	for i, value := range row {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, value, 'g', -1, 64)
	}
	return append(out, ']')
}

// An answer appends what it has to say to one row: its probabilities y and its cotangents, if there are any.
type answer func(out []byte, y, cotangents []float64) []byte

func appendProbabilities(out []byte, y, _ []float64) []byte {
	return appendRow(out, y)
}

func appendJacobian(out []byte, y, _ []float64) []byte {
	line := make([]float64, len(y))
	out = append(out, '[')
	for i, p := range y {
		if i > 0 {
			out = append(out, ',')
		}
		for j, q := range y {
			line[j] = -p * q
		}
		line[i] = p * (1 - p)
		out = appendRow(out, line)
	}
	return append(out, ']')
}

func appendVJP(out []byte, y, g []float64) []byte {
	dot := 0.0
	for i, p := range y {
		dot += p * g[i]
	}
	for i, p := range y {
		g[i] = p * (g[i] - dot)
	}
	return appendRow(out, g)
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func read(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func serve(path, member string, answer answer, needsCotangents bool) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		body, err := read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		given, err := decode(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if needsCotangents && !sameShape(given.logits, given.cotangents) {
			http.Error(w, "cotangents have another shape than logits", http.StatusBadRequest)
			return
		}
		buffer := buffers.Get().(*[]byte)
		defer buffers.Put(buffer)
		out := append((*buffer)[:0], `{"`+member+`":`...)
		if !given.flat {
			out = append(out, '[')
		}
		for i, y := range given.logits {
			if i > 0 {
				out = append(out, ',')
			}
			softmax(y)
			var cotangents []float64
			if needsCotangents {
				cotangents = given.cotangents[i]
			}
			out = answer(out, y, cotangents)
		}
		if !given.flat {
			out = append(out, ']')
		}
		out = append(out, '}')
		*buffer = out
		w.Header().Set("Content-Type", "application/json")
		// Otherwise a large reply goes in chunks.
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		w.Write(out)
	})
}

func sameShape(a, b [][]float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return false
		}
	}
	return true
}

func main() {
	serve("/softmax", "probabilities", appendProbabilities, false)
	serve("/jacobian", "jacobian", appendJacobian, false)
	serve("/vjp", "vjp", appendVJP, true)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
