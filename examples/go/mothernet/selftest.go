package mothernet

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
)

// The self-test of a file: section 6 of FORMAT.md.

// selfTest compares the answers to the rows that the file holds with those recorded beside them.
func (m *Model) selfTest(test object) {
	columns, labels := entry[object](test, "columns", "the self-test"), entry[[]any](test, "labels", "the self-test")
	wanted := entry[[]any](test, "probabilities", "the self-test")
	check(
		len(labels) >= 1 && len(labels) <= 8 && len(wanted) == len(labels),
		"the self-test must have 1 to 8 rows, however: %d",
		len(labels),
	)
	rows := make([]map[string]any, len(labels))
	for i := range rows {
		rows[i] = map[string]any{}
		for name := range columns {
			cells := entry[[]any](columns, name, "the self-test")
			check(
				len(cells) == len(rows),
				"column %s of the self-test must have %d cells, however: %d",
				quoted(name),
				len(rows),
				len(cells),
			)
			rows[i][name] = cells[i]
		}
		for _, column := range m.Columns {
			cell, isThere := rows[i][column.Name]
			check(
				!isThere || column.Type == "ignored" || isOfType(cell, column.Type),
				"column %s of the self-test must hold cells of its type, however: %s",
				quoted(column.Name),
				quoted(cell),
			)
		}
	}
	answers, err := m.Predict(rows)
	check(err == nil, "the self-test must hold rows of the model, however: %v", err)
	for i, answer := range answers {
		recorded, isList := wanted[i].([]any)
		check(
			isList && len(recorded) == len(m.Classes),
			"the self-test must have %d probabilities per row, however: others",
			len(m.Classes),
		)
		stored, sum := make([]float64, len(recorded)), 0.0
		for j, probability := range answer.Probabilities {
			number, isNumber := recorded[j].(json.Number)
			check(isNumber, "probabilities of the self-test must be numbers, however: %s", quoted(recorded[j]))
			stored[j], err = number.Float64()
			difference := math.Abs(float64(probability) - stored[j])
			check(
				err == nil && difference <= 1e-5 && probability >= 0,
				"row %d of the self-test must have the probability %v, however: %v",
				i,
				number,
				probability,
			)
			sum += float64(probability)
		}
		check(math.Abs(sum-1) <= 1e-3, "probabilities of the self-test must sum to 1, however: %v", sum)
		m.checkLabel(i, labels[i], answer.Label, stored)
	}
}

// checkLabel wants the recorded label, or that of any class as probable where the two largest are (nearly) equal.
func (m *Model) checkLabel(row int, recorded, label any, stored []float64) {
	class, isClass := m.index[fmt.Sprint(recorded)]
	_, isText := recorded.(string)
	check(
		isClass && isText == (m.schema.labelType != "integer"),
		"labels of the self-test must be classes, however: %s",
		quoted(recorded),
	)
	if m.Classes[class] == label {
		return
	}
	sorted := append([]float64(nil), stored...)
	sort.Float64s(sorted)
	largest, next := sorted[len(sorted)-1], sorted[len(sorted)-2]
	for i, each := range m.Classes {
		if each == label && largest-next <= 1e-3 && stored[i] >= largest-2e-5 {
			return
		}
	}
	check(false, "row %d of the self-test must have the label %s, however: %s", row, quoted(recorded), quoted(label))
}

// isOfType tells whether a cell of the self-test is what a caller would pass in a column of that type.
func isOfType(cell any, kind string) bool {
	switch typed := cell.(type) {
	case nil:
		return true
	case json.Number:
		return kind == "number" || kind == "boolean"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "date" || kind == "category" || typed == "inf" || typed == "-inf"
	}
	return false
}
