// Package mothernet predicts with a MotherNet .onnx file: raw rows in, typed labels and probabilities out.
//
// What a file holds and how cells are read: FORMAT.md. The other files of this package are the details of that; this one
// is the model, its session and its answers.
package mothernet

import (
	"fmt"
	"math"
	"os"
	"sort"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

const batchRows = 1000

// Prediction is the answer to one row.
type Prediction struct {
	Label         any       // a string, int64, bool or float64, by the table's target
	Probabilities []float32 // in the order of Classes
}

// Model is a file in an open session. It may be shared by goroutines.
type Model struct {
	Columns     []*Column
	Classes     []any
	ClassTexts  []string             // the classes as CSV files and the graph write them
	Warn        func(message string) // hears of rows that look otherwise than those of training; may be nil
	IgnoreExtra bool                 // rows may have columns that the model does not know

	schema  *schema
	session *ort.DynamicAdvancedSession
	index   map[string]int // of a class, by its text
}

// CellError is a cell that does not fit its column.
type CellError struct {
	Row     int // from 0
	Column  string
	Problem string
}

func (e *CellError) Error() string {
	return fmt.Sprintf("row %d: column %s %s", e.Row, quoted(e.Column), e.Problem)
}

// Load opens and checks a file. library is the path of onnxruntime's shared library, "" for FindLibrary's.
func Load(path, library string) (model *Model, err error) {
	defer refused(&err)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	check(len(data) > 0, "the file must be an ONNX file, however: it is empty")
	metadata := readContainer(data)
	schema := readSchema(metadata)
	model = &Model{
		Columns:    schema.columns,
		Classes:    schema.classes,
		ClassTexts: schema.classTexts,
		schema:     schema,
		index:      map[string]int{},
	}
	for i, text := range schema.classTexts {
		model.index[text] = i
	}
	if err := startRuntime(library); err != nil {
		return nil, err
	}
	if err := model.open(data); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			model.Close()
		}
	}()
	defer refused(&err)
	model.selfTest(parse(metadata["mothernet.self_test"], "the self-test"))
	return model, nil
}

// open starts the session; what the graph takes and gives must follow from the schema. A session does not say what that
// is, so onnxruntime opens the file twice.
func (m *Model) open(data []byte) error {
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return err
	}
	var wanted, names []string
	for _, each := range []struct{ name, kind string }{{"numeric", "FLOAT"}, {"categorical", "STRING"}} {
		if count := m.schema.counts[each.name]; count > 0 {
			wanted, names = append(wanted, describe(each.name, each.kind, count)), append(names, each.name)
		}
	}
	label := "STRING"
	if m.schema.labelType == "integer" {
		label = "INT64"
	}
	answers := []string{fmt.Sprintf("label %s [-1]", label), describe("probabilities", "FLOAT", len(m.Classes))}
	for _, each := range []struct {
		what   string
		wanted []string
		found  []ort.InputOutputInfo
	}{{"inputs", wanted, inputs}, {"outputs", answers, outputs}} {
		found := make([]string, len(each.found))
		for i, info := range each.found {
			kind := strings.TrimPrefix(info.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_")
			found[i] = fmt.Sprintf("%s %s %v", info.Name, kind, []int64(info.Dimensions))
		}
		if strings.Join(found, ", ") != strings.Join(each.wanted, ", ") {
			return fmt.Errorf(
				"%s of the graph must be %s, however: %s",
				each.what,
				strings.Join(each.wanted, ", "),
				strings.Join(found, ", "),
			)
		}
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	for _, err := range []error{options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1)} {
		if err != nil {
			return err
		}
	}
	m.session, err = ort.NewDynamicAdvancedSessionWithONNXData(data, names, []string{"label", "probabilities"}, options)
	return err
}

func describe(name, kind string, count int) string {
	return fmt.Sprintf("%s %s [-1 %d]", name, kind, count)
}

// Close ends the session.
func (m *Model) Close() error {
	if m.session == nil {
		return nil
	}
	return m.session.Destroy()
}

// Predict answers rows, each a map from names of columns to raw cells: strings, numbers, booleans, times, nil where
// missing.
func (m *Model) Predict(rows []map[string]any) ([]Prediction, error) {
	for i, row := range rows {
		if m.hasJust(row) {
			continue
		}
		names := make([]string, 0, len(row))
		for name := range row {
			names = append(names, name)
		}
		sort.Strings(names)
		if err := m.CheckNames(names); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	return m.predict(len(rows), func(column *Column) func(int) any {
		return func(row int) any { return rows[row][column.Name] }
	})
}

// hasJust tells whether a row has the columns that are read, and no other.
func (m *Model) hasJust(row map[string]any) bool {
	count := 0
	for _, column := range m.Columns {
		if column.Type == "ignored" {
			continue
		}
		if _, isThere := row[column.Name]; !isThere {
			return false
		}
		count++
	}
	return count == len(row)
}

// PredictTexts answers rows of cells as a CSV file has them, below names that are trimmed.
func (m *Model) PredictTexts(names []string, rows [][]string) ([]Prediction, error) {
	if err := m.CheckNames(names); err != nil {
		return nil, err
	}
	position := map[string]int{}
	for i, name := range names {
		position[name] = i
	}
	return m.predict(len(rows), func(column *Column) func(int) any {
		at := position[strings.Trim(column.Name, white)]
		return func(row int) any { return rows[row][at] }
	})
}

// CheckNames returns an error unless names are those of the columns, in any order. Ignored ones may be absent; with
// IgnoreExtra, others may be there.
func (m *Model) CheckNames(names []string) error {
	count := map[string]int{}
	for _, name := range names {
		count[strings.Trim(name, white)]++
	}
	problems := map[string][]string{}
	for _, column := range m.Columns {
		name := strings.Trim(column.Name, white)
		if count[name] == 0 && column.Type != "ignored" {
			problems["missing"] = append(problems["missing"], quoted(name))
		}
		if count[name] > 1 {
			problems["repeated"] = append(problems["repeated"], quoted(name))
		}
		delete(count, name)
	}
	for _, name := range names {
		if count[strings.Trim(name, white)] > 0 && !m.IgnoreExtra {
			problems["unknown"] = append(problems["unknown"], quoted(name))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	var known, found []string
	for _, column := range m.Columns {
		known = append(known, quoted(strings.Trim(column.Name, white)))
	}
	for _, word := range []string{"missing", "unknown", "repeated"} {
		if len(problems[word]) > 0 {
			found = append(found, word+": "+listed(problems[word]))
		}
	}
	return fmt.Errorf(
		"the rows must have the %d columns %s, however: %s",
		len(known),
		listed(known),
		strings.Join(found, "; "),
	)
}

func listed(names []string) string {
	if len(names) > 12 {
		names = append(names[:12:12], "...")
	}
	return strings.Join(names, ", ")
}

// predict reads the cells of all rows, then runs the session on some rows at a time; cells gives those of a column.
func (m *Model) predict(count int, cells func(column *Column) func(row int) any) ([]Prediction, error) {
	numbers, texts := m.schema.counts["numeric"], m.schema.counts["categorical"]
	numeric, categorical := make([]float32, count*numbers), make([]string, count*texts)
	for _, column := range m.Columns {
		if column.Type == "ignored" {
			continue
		}
		cell, isCategory := cells(column), column.Type == "category"
		missing, unseen, example := 0, 0, ""
		for row := 0; row < count; row++ {
			read, err := column.rule.read(cell(row))
			if err != nil {
				return nil, &CellError{row, column.Name, err.Error()}
			}
			for _, each := range column.inputs {
				if isCategory {
					categorical[row*texts+each.position] = read.text
				} else {
					numeric[row*numbers+each.position] = float32(datePart(read.number, each.part) - each.offset)
				}
			}
			if isCategory && read.text == "" || !isCategory && math.IsNaN(read.number) {
				missing++
			} else if isCategory && !column.known[read.text] {
				unseen, example = unseen+1, read.text
			}
		}
		m.warn(column, count, missing, unseen, example)
	}
	answers := make([]Prediction, 0, count)
	for start := 0; start < count; start += batchRows {
		end := start + batchRows
		if end > count {
			end = count
		}
		some, err := m.run(end-start, part(numeric, start, end, count), part(categorical, start, end, count))
		if err != nil {
			return nil, err
		}
		answers = append(answers, some...)
	}
	return answers, nil
}

func part[T any](cells []T, start, end, count int) []T {
	width := len(cells) / count
	return cells[start*width : end*width]
}

// warn tells of a column whose cells look otherwise than in training; a few rows may be odd by chance.
func (m *Model) warn(column *Column, count, missing, unseen int, example string) {
	if m.Warn == nil || count < 5 || !column.Used {
		return
	}
	if !column.MissingInTraining && missing == count {
		m.Warn(fmt.Sprintf("in column %s all cells are missing, as none was in training", quoted(column.Name)))
	}
	if 2*unseen > count {
		m.Warn(
			fmt.Sprintf(
				"%d of %d cells of column %s are categories that the model does not know, such as %s",
				unseen,
				count,
				quoted(column.Name),
				quoted(example),
			),
		)
	}
}

// run makes one call of the session; its answers must be classes and probabilities.
func (m *Model) run(count int, numeric []float32, categorical []string) ([]Prediction, error) {
	var inputs []ort.Value
	outputs := make([]ort.Value, 2)
	defer func() {
		for _, each := range append(inputs, outputs...) {
			if each != nil {
				each.Destroy()
			}
		}
	}()
	if len(numeric) > 0 {
		tensor, err := ort.NewTensor(ort.NewShape(int64(count), int64(len(numeric)/count)), numeric)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, tensor)
	}
	if len(categorical) > 0 {
		tensor, err := ort.NewStringTensor(ort.NewShape(int64(count), int64(len(categorical)/count)))
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, tensor)
		if err := tensor.SetContents(categorical); err != nil {
			return nil, err
		}
	}
	if err := m.session.Run(inputs, outputs); err != nil {
		return nil, fmt.Errorf("the model must answer the rows, however: %w", err)
	}
	var labels []string
	switch typed := outputs[0].(type) {
	case *ort.StringTensor:
		contents, err := typed.GetContents()
		if err != nil {
			return nil, err
		}
		labels = contents
	case *ort.Tensor[int64]:
		for _, label := range typed.GetData() {
			labels = append(labels, fmt.Sprint(label))
		}
	}
	tensor, isFloat := outputs[1].(*ort.Tensor[float32])
	if !isFloat || len(labels) != count || len(tensor.GetData()) != count*len(m.Classes) {
		return nil, fmt.Errorf(
			"the model must give %d labels, each with %d probabilities, however: %d labels",
			count,
			len(m.Classes),
			len(labels),
		)
	}
	probabilities := append([]float32(nil), tensor.GetData()...) // the tensor is destroyed
	answers := make([]Prediction, count)
	for i, label := range labels {
		class, isClass := m.index[label]
		if !isClass {
			return nil, fmt.Errorf("labels of the model must be classes, however: %s", quoted(label))
		}
		answers[i] = Prediction{m.Classes[class], probabilities[i*len(m.Classes) : (i+1)*len(m.Classes)]}
	}
	return answers, nil
}
