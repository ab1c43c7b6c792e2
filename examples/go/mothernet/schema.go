package mothernet

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Columns, classes and self-test from a file's metadata, checked: sections 5, 6 and 8 of FORMAT.md.

// Column is a column of the training table.
type Column struct {
	Name, Type              string // Type is number, boolean, date, category or ignored
	Used, MissingInTraining bool
	Categories              []string
	rule                    *rule
	known                   map[string]bool
	inputs                  []input
}

// input is a column of one of the two matrices that the graph takes.
type input struct {
	matrix   string
	position int
	part     string
	offset   float64
}

type schema struct {
	columns    []*Column
	classes    []any
	classTexts []string // as the output label has them
	labelType  string
	counts     map[string]int // columns of each input of the graph
}

type object = map[string]any

// refusal is what check panics with; refused makes an error of it.
type refusal struct{ message string }

func check(isRight bool, message string, values ...any) {
	if !isRight {
		panic(refusal{fmt.Sprintf(message, values...)})
	}
}

func refused(err *error) {
	switch cause := recover().(type) {
	case nil:
	case refusal:
		*err = fmt.Errorf("%s", cause.message)
	default:
		panic(cause)
	}
}

func readSchema(metadata map[string]string) *schema {
	for name, version := range parse(metadata["mothernet.versions"], "versions") {
		_, isText := version.(string)
		check(isText, "versions must be strings, however: that of %s is none", quoted(name))
	}
	content := parse(metadata["mothernet.schema"], "the schema")
	width, isInteger := entry[json.Number](content, "width", "the schema").Int64()
	check(isInteger == nil && width >= 0, "width must be at least 0, however: %v", content["width"])
	found := &schema{labelType: entry[string](content, "label_type", "the schema"), counts: map[string]int{}}
	found.readClasses(entry[[]any](content, "classes", "the schema"))
	names := map[string]bool{}
	for number, column := range entry[[]any](content, "columns", "the schema") {
		where := fmt.Sprintf("column %d", number)
		fields, isObject := column.(object)
		check(isObject, "%s must be an object, however: %v", where, column)
		found.columns = append(found.columns, found.readColumn(fields, where))
		name := found.columns[number].Name
		check(!names[name], "names of columns must be unique, however: %s comes twice", quoted(name))
		names[name] = true
	}
	check(len(found.counts) > 0, "the schema must have a column that is not ignored, however: it has none")
	return found
}

func (s *schema) readClasses(values []any) {
	check(len(values) >= 2, "classes must be at least two, however: %d", len(values))
	s.classes, s.classTexts = make([]any, len(values)), make([]string, len(values))
	for i, label := range values {
		var err error
		isRight := false
		switch typed := label.(type) {
		case string:
			isRight = s.labelType == "string" && !strings.Contains(typed, "\x00")
			s.classes[i], s.classTexts[i] = typed, typed
		case bool:
			isRight = s.labelType == "boolean"
			s.classes[i], s.classTexts[i] = typed, boolText(typed)
		case json.Number:
			if s.labelType == "integer" {
				s.classes[i], err = typed.Int64()
				s.classTexts[i] = fmt.Sprint(s.classes[i])
			} else {
				var number float64
				number, err = typed.Float64()
				s.classes[i], s.classTexts[i] = number, repr(number)
			}
			isRight = err == nil && (s.labelType == "integer" || s.labelType == "float")
		}
		check(
			isRight,
			"classes must be of label_type %s, finite and within 64 bits, however: %s",
			quoted(s.labelType),
			quoted(label),
		)
	}
	for i := 1; i < len(s.classes); i++ {
		check(
			isLess(s.classes[i-1], s.classes[i]),
			"classes must be strictly increasing, however: %s comes before %s",
			quoted(values[i-1]),
			quoted(values[i]),
		)
	}
}

func isLess(a, b any) bool {
	switch typed := a.(type) {
	case string:
		return typed < b.(string)
	case bool:
		return !typed && b.(bool)
	case int64:
		return typed < b.(int64)
	}
	return a.(float64) < b.(float64)
}

func (s *schema) readColumn(fields object, where string) *Column {
	column := &Column{Name: entry[string](fields, "name", where), Type: entry[string](fields, "type", where)}
	check(!strings.Contains(column.Name, "\x00"), "the name of %s must have no NUL", where)
	where = quoted(column.Name)
	column.Used = entry[bool](fields, "used", where)
	column.MissingInTraining = entry[bool](fields, "missing_in_training", where)
	column.rule = readRule(fields, column.Type, where)
	column.inputs = s.readInputs(fields, column.Type, where)
	if column.Type != "category" {
		_, hasCategories := fields["categories"]
		isRight := !hasCategories && (column.Used || !column.MissingInTraining) &&
			(column.Type != "ignored" || !column.Used)
		check(
			isRight,
			"%s, of type %s, must have no categories, and used and missing_in_training that fit",
			where,
			column.Type,
		)
		return column
	}
	column.Categories = texts(fields, "categories", where)
	column.known = set(column.Categories...)
	for _, category := range column.Categories {
		read, err := column.rule.readText(category)
		check(
			err == nil && read.text == category,
			"categories of %s must be as cells are read, however: %s",
			where,
			quoted(category),
		)
	}
	isRight := column.Used == (len(column.Categories) > 0) && column.MissingInTraining == column.known[""]
	check(isRight, "used and missing_in_training of %s must fit its categories, however: they do not", where)
	return column
}

func readRule(fields object, kind, where string) *rule {
	found := &rule{kind: kind, decimal: "."}
	if kind != "ignored" {
		oneOf(kind, "type", where, "number", "boolean", "date", "category")
		missing := texts(fields, "missing", where)
		for _, marker := range missing {
			check(
				strings.Trim(marker, white) == marker,
				"missing of %s must be trimmed, however: %s",
				where,
				quoted(marker),
			)
		}
		found.missing = set(missing...)
	}
	switch kind {
	case "date":
		found.pattern = oneOf(entry[string](fields, "pattern", where), "pattern", where, "ymd", "dmy", "mdy", "time")
	case "category":
		found.integers = entry[bool](fields, "integers", where)
	case "number":
		found.decimal = oneOf(entry[string](fields, "decimal", where), "decimal", where, ".", ",")
		found.group = oneOf(entry[string](fields, "group", where), "group", where, "", ",", ".", "'", "\u2019", " ")
		check(found.decimal != found.group, "decimal and group of %s must differ, however: they are the same", where)
		found.affix, found.percent = entry[string](fields, "affix", where), entry[bool](fields, "percent", where)
		isTrimmed := strings.Trim(found.affix, white+"\u00a0\u202f\x00") == found.affix
		check(isTrimmed, "affix of %s must be trimmed, however: %s", where, quoted(found.affix))
	}
	if kind == "number" || kind == "boolean" {
		found.ways = waysToWrite(found.decimal, found.group, found.affix, found.percent)
	}
	return found
}

func (s *schema) readInputs(fields object, kind, where string) []input {
	values := entry[[]any](fields, "inputs", where)
	most := map[string]int{"ignored": 0, "date": 4}
	isRight := len(values) == 1
	if limit, isOther := most[kind]; isOther {
		isRight = len(values) <= limit && (limit == 0 || len(values) > 0)
	}
	check(isRight, "inputs of %s must fit its type %s, however: there are %d", where, kind, len(values))
	matrix, parts := "numeric", []string{"value"}
	if kind == "category" {
		matrix = "categorical"
	} else if kind == "date" {
		parts = []string{"days", "month", "weekday", "hour"}
	}
	var inputs []input
	seen := map[string]bool{}
	for _, each := range values {
		content, isObject := each.(object)
		check(isObject, "inputs of %s must be objects, however: %v", where, each)
		oneOf(entry[string](content, "input", where), "inputs", where, matrix)
		position, err := entry[json.Number](content, "position", where).Int64()
		check(
			err == nil && int(position) == s.counts[matrix],
			"position of %s must be %d, however: %v",
			where,
			s.counts[matrix],
			content["position"],
		)
		s.counts[matrix]++
		found := input{matrix: matrix, position: int(position), part: "value"}
		if matrix == "numeric" {
			found.part = oneOf(entry[string](content, "part", where), "part", where, parts...)
			found.offset, err = entry[json.Number](content, "offset", where).Float64()
			check(err == nil, "offset of %s must be a finite number, however: %v", where, content["offset"])
		}
		check(!seen[found.part], "parts of %s must be unique, however: %s comes twice", where, found.part)
		seen[found.part] = true
		inputs = append(inputs, found)
	}
	return inputs
}

// parse reads a JSON object in which no key comes twice, numbers stay texts, and nothing nests deeper than 32 levels.
func parse(content, what string) object {
	decoder := json.NewDecoder(strings.NewReader(content))
	decoder.UseNumber()
	found, isObject := parseValue(decoder, what, 32).(object)
	_, err := decoder.Token()
	check(isObject && err == io.EOF, "%s must be one JSON object, however: it is not", what)
	return found
}

func parseValue(decoder *json.Decoder, what string, levels int) any {
	token, err := decoder.Token()
	check(err == nil, "%s must be JSON, however: %v", what, err)
	check(levels >= 0, "%s must nest at most 32 levels, however: it nests more", what)
	switch token {
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			list = append(list, parseValue(decoder, what, levels-1))
		}
		parseEnd(decoder, what)
		return list
	case json.Delim('{'):
		fields := object{}
		for decoder.More() {
			key, _ := parseValue(decoder, what, levels-1).(string)
			_, isThere := fields[key]
			check(!isThere, "keys of %s must be unique, however: %s comes twice", what, quoted(key))
			fields[key] = parseValue(decoder, what, levels-1)
		}
		parseEnd(decoder, what)
		return fields
	}
	return token
}

func parseEnd(decoder *json.Decoder, what string) {
	_, err := decoder.Token()
	check(err == nil, "%s must be JSON, however: %v", what, err)
}

// entry is the value of a key that must be there and of one type.
func entry[T any](fields object, key, where string) T {
	content, isThere := fields[key]
	check(isThere, "%s must have the key %s, however: it is missing", where, key)
	typed, isRight := content.(T)
	check(isRight, "%s of %s must be of another type, however: %s", key, where, quoted(content))
	return typed
}

func texts(fields object, key, where string) []string {
	var found []string
	seen := map[string]bool{}
	for _, each := range entry[[]any](fields, key, where) {
		content, isText := each.(string)
		check(
			isText && !strings.Contains(content, "\x00"),
			"%s of %s must be strings without NUL, however: %s",
			key,
			where,
			quoted(each),
		)
		check(!seen[content], "%s of %s must be unique, however: %s comes twice", key, where, quoted(content))
		seen[content] = true
		found = append(found, content)
	}
	return found
}

func oneOf(content, key, where string, choices ...string) string {
	for _, choice := range choices {
		if content == choice {
			return content
		}
	}
	check(false, "%s of %s must be one of %q, however: %s", key, where, choices, quoted(content))
	return ""
}
