// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//	predict model.onnx rows.csv > predicted.csv
//	predict --delimiter semicolon --encoding windows-1252 model.onnx rows.csv > predicted.csv
//	predict --ignore-extra model.onnx rows.csv > predicted.csv
//
// Cells go in as they are written: what they mean, and all preprocessing, is inside the file.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mothernet.example/go/mothernet"
)

func main() {
	output, err := run(os.Args[1:])
	if err == nil {
		if _, err = io.WriteString(os.Stdout, output); err != nil {
			err = fmt.Errorf("the predictions must be written, however: %w", err)
		}
	}
	if err != nil {
		say("error: " + err.Error())
		os.Exit(2)
	}
}

func run(arguments []string) (string, error) {
	flags := flag.NewFlagSet("predict", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	delimiter := flags.String("delimiter", "", "")
	encoding := flags.String("encoding", "", "")
	library := flags.String("library", "", "")
	ignoreExtra := flags.Bool("ignore-extra", false, "")
	var paths []string
	for len(arguments) > 0 { // options may stand behind paths
		if err := flags.Parse(arguments); err != nil {
			return "", fmt.Errorf("%w; %s", err, usage)
		}
		if arguments = flags.Args(); len(arguments) > 0 {
			paths, arguments = append(paths, arguments[0]), arguments[1:]
		}
	}
	if len(paths) != 2 {
		return "", errors.New(usage)
	}
	model, err := mothernet.Load(paths[0], *library)
	if err != nil {
		return "", fmt.Errorf("%s: %w", paths[0], err)
	}
	defer model.Close()
	model.IgnoreExtra = *ignoreExtra
	model.Warn = func(message string) {
		say("warning: " + message + ". Check that the rows are written as in training.")
	}
	data, err := os.ReadFile(paths[1])
	if err != nil {
		return "", err
	}
	table, err := mothernet.ReadCSV(data, *delimiter, *encoding)
	if err != nil {
		return "", fmt.Errorf("%s: %w", paths[1], err)
	}
	predictions, err := model.PredictTexts(table.Names, table.Rows)
	var wrong *mothernet.CellError
	if errors.As(err, &wrong) {
		return "", fmt.Errorf("%s: line %d: column %q %s", paths[1], table.Lines[wrong.Row], wrong.Column, wrong.Problem)
	} else if err != nil {
		return "", fmt.Errorf("%s: %w", paths[1], err)
	}
	return toCSV(model, predictions), nil
}

const usage = "usage: predict [--delimiter D] [--encoding NAME] [--ignore-extra] [--library libonnxruntime.so] " +
	"MODEL.onnx ROWS.csv"

func toCSV(model *mothernet.Model, predictions []mothernet.Prediction) string {
	var output strings.Builder
	output.WriteString("label")
	for _, text := range model.ClassTexts {
		output.WriteString("," + csvCell("probability_"+text))
	}
	output.WriteString("\n")
	texts := map[any]string{}
	for i, class := range model.Classes {
		texts[class] = csvCell(model.ClassTexts[i])
	}
	for _, each := range predictions {
		output.WriteString(texts[each.Label])
		for _, probability := range each.Probabilities {
			output.WriteString("," + strconv.FormatFloat(float64(probability), 'g', -1, 32))
		}
		output.WriteString("\n")
	}
	return output.String()
}

func csvCell(text string) string {
	if strings.ContainsAny(text, ",\"\r\n") {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

// say writes a message on one line.
func say(message string) {
	fmt.Fprintln(os.Stderr, "predict: "+strings.Join(strings.Fields(message), " "))
}
