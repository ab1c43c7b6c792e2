package mothernet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const conformance = "../../../tests/conformance"

func decode(t *testing.T, path string, found any) {
	data, err := os.ReadFile(filepath.Join(conformance, path))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // integers may need 64 bits
	if err := decoder.Decode(found); err != nil {
		t.Fatal(err)
	}
}

func TestEveryCellOfTheTableIsReadAsItSays(t *testing.T) {
	var table map[string]struct {
		Rules   []object
		Cells   [][2]any
		Parts   []string
		Seconds [][2]any
	}
	decode(t, "cells.json", &table)
	compared := 0
	compare := func(where string, wanted, found any) {
		compared++
		if number, isNumber := found.(float64); isNumber {
			found = map[bool]any{true: "nan", false: strings.TrimPrefix(fmt.Sprint(number), "+")}[math.IsNaN(number)]
			found = strings.ToLower(found.(string))
			if digits, isNumber := wanted.(json.Number); isNumber {
				exact, _ := digits.Float64()
				wanted = fmt.Sprint(exact)
			}
		}
		if found != wanted {
			t.Errorf("%s must be %v, however: %v", where, wanted, found)
		}
	}
	for kind, group := range table {
		for i, fields := range group.Rules {
			name, _ := fields["type"].(string)
			rule := readRule(fields, name, kind)
			for _, each := range group.Cells {
				text, _ := each[0].(string)
				read, err := rule.readText(text)
				var found any = read.number
				if err != nil {
					found = "error"
				} else if name == "category" {
					found = read.text
				}
				compare(fmt.Sprintf("%q under %v", text, fields), each[1].([]any)[i], found)
			}
		}
		for _, each := range group.Seconds {
			seconds := math.NaN()
			if digits, isNumber := each[0].(json.Number); isNumber {
				seconds, _ = digits.Float64()
			}
			for i, part := range group.Parts {
				compare(fmt.Sprintf("%s of %v", part, each[0]), each[1].([]any)[i], datePart(seconds, part))
			}
		}
	}
	if compared < 4000 {
		t.Errorf("the table must have more than 4,000 values, however: %d", compared)
	}
}

func TestTypedRowsOfEveryCaseGiveTypedAnswers(t *testing.T) {
	type entry struct {
		Name, Model, Expected string
		Rows                  string `json:"rows_json"`
		Tolerance             float64
		Error                 any
	}
	var manifest struct{ Cases []entry }
	decode(t, "manifest.json", &manifest)
	largest := 0.0
	for _, each := range manifest.Cases {
		if each.Rows == "" {
			continue
		}
		var rows []map[string]any
		decode(t, each.Rows, &rows)
		var answers []Prediction
		model, err := Load(filepath.Join(conformance, each.Model), "")
		if err == nil {
			defer model.Close()
			answers, err = model.Predict(rows)
		}
		if isError := each.Error != nil; isError != (err != nil) {
			t.Errorf("%s: an error must be %v, however: %v", each.Name, isError, err)
		}
		if err != nil {
			continue
		}
		var expected struct {
			Labels        []any
			Probabilities [][]float64
		}
		decode(t, each.Expected, &expected)
		if len(answers) != len(expected.Labels) {
			t.Fatalf("%s: answers must be %d, however: %d", each.Name, len(expected.Labels), len(answers))
		}
		for i, answer := range answers {
			label := expected.Labels[i]
			if digits, isNumber := label.(json.Number); isNumber && model.schema.labelType == "integer" {
				label, _ = digits.Int64()
			} else if isNumber {
				label, _ = digits.Float64()
			}
			if answer.Label != label {
				t.Errorf("%s: label %d must be %#v, however: %#v", each.Name, i, label, answer.Label)
			}
			for j, wanted := range expected.Probabilities[i] {
				difference := math.Abs(float64(answer.Probabilities[j]) - wanted)
				largest = math.Max(largest, difference)
				if !(difference <= each.Tolerance) {
					t.Errorf(
						"%s: probability %d of row %d must be %v, however: %v",
						each.Name,
						j,
						i,
						wanted,
						answer.Probabilities[j],
					)
				}
			}
		}
	}
	t.Logf("largest difference: %.1e", largest)
}

func TestCellsOfGoTypes(t *testing.T) {
	rules := map[string]*rule{}
	for name, pattern := range map[string]string{"number": "", "boolean": "", "date": "ymd", "category": ""} {
		rules[name] = &rule{kind: name, decimal: ".", pattern: pattern, ways: waysToWrite(".", "", "", false)}
	}
	zone := time.FixedZone("", 3600)
	for _, each := range []struct {
		kind string
		cell any
		want string
	}{
		{"number", 3, "3"}, {"number", uint8(3), "3"}, {"number", float32(0.5), "0.5"},
		{"number", true, "1"}, {"number", nil, "NaN"},
		{"number", "x", "error"}, {"number", []byte("1.5"), "1.5"},
		{"number", []int{1}, "error"}, {"boolean", "Yes", "1"},
		{"category", 3.0, "3"}, {"category", math.Copysign(0, -1), "0"}, {"category", 1e22, "10000000000000000000000"},
		{"category", 1e23, "99999999999999991611392"},
		{"category", float32(0.1), "0.10000000149011612"}, {"category", 1e-7, "1e-07"},
		{"category", json.Number("12345678901234567890123"), "12345678901234567890123"},
		{"category", json.Number("3.0"), "3"},
		{"category", true, "True"}, {"category", math.Inf(-1), "-inf"}, {"category", math.NaN(), ""},
		{"category", "a\x00b", "error"},
		{"category", "\xff", "error"}, {"category", time.Now(), "error"}, {"date", 5, "error"},
		{"date", time.Date(1970, 1, 2, 1, 0, 0, 5e8, zone), "86400.5"},
	} {
		read, err := rules[each.kind].read(each.cell)
		found := fmt.Sprint(read.number)
		if err != nil {
			found = "error"
		} else if each.kind == "category" {
			found = read.text
		}
		if found != each.want {
			t.Errorf("%#v as %s must be %s, however: %s", each.cell, each.kind, each.want, found)
		}
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	model, err := os.ReadFile(filepath.Join(conformance, "cases/mixed/model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join(conformance, "cases/mixed/rows.csv"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewSource(1))
	for i := 0; i < 2000; i++ {
		func() {
			var err error
			defer refused(&err) // anything but a refusal panics on
			readSchema(readContainer(damaged(model, random)))
		}()
		table, err := ReadCSV(damaged(rows, random), "", "")
		if err == nil && len(table.Rows) != len(table.Lines) {
			t.Fatal("a table must have as many lines as rows")
		}
	}
}

func damaged(whole []byte, random *rand.Rand) []byte {
	data := append([]byte(nil), whole...)
	if random.Intn(4) == 0 {
		data = data[:random.Intn(len(data))]
	}
	for k := random.Intn(5); k > 0 && len(data) > 0; k-- {
		data[random.Intn(len(data))] = byte(random.Intn(256))
	}
	return data
}

func TestLongCellsTakeNoTime(t *testing.T) {
	number := &rule{
		kind:    "number",
		decimal: ".",
		group:   ",",
		affix:   "€",
		percent: true,
		ways:    waysToWrite(".", ",", "€", true),
	}
	start := time.Now()
	for _, text := range []string{
		strings.Repeat("1", 1e6), strings.Repeat("1,234,", 1e5), strings.Repeat(" ", 1e6) + "x", strings.Repeat("(", 1e6),
	} {
		number.readText(text)
	}
	if passed := time.Since(start); passed > 20*time.Second {
		t.Errorf("long cells must be read in seconds, however: %v", passed)
	}
}
