package mothernet

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"testing"
)

// TestReadAll answers tests/examples/test_csv_readers_agree.py: in the file CSV_BATCH, each CSV file is preceded by the
// length of its options, these, and its length; for each it writes the cells or an error to CSV_ANSWERS.
func TestReadAll(t *testing.T) {
	data, err := os.ReadFile(os.Getenv("CSV_BATCH"))
	if err != nil {
		t.Skip("CSV_BATCH names no file")
	}
	answers, err := os.Create(os.Getenv("CSV_ANSWERS"))
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	next := func() []byte {
		size := binary.LittleEndian.Uint32(data)
		content := data[4 : 4+size]
		data = data[4+size:]
		return content
	}
	for len(data) > 0 {
		var given struct{ Delimiter, Encoding string }
		if err := json.Unmarshal(next(), &given); err != nil {
			t.Fatal(err)
		}
		answer := map[string]any{}
		if table, err := ReadCSV(next(), given.Delimiter, given.Encoding); err != nil {
			answer["error"] = err.Error()
		} else {
			answer["names"] = append([]string{}, table.Names...)
			answer["rows"] = append([][]string{}, table.Rows...)
			answer["lines"] = append([]int{}, table.Lines...)
		}
		if err := json.NewEncoder(answers).Encode(answer); err != nil {
			t.Fatal(err)
		}
	}
}
