package mothernet

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// CSV files as section 2.8 of FORMAT.md has them: delimiter and encoding found or given, cells as text.

const (
	delimiters  = ",;\t|"
	sampleBytes = 1024
	sampleLines = 200
	// Windows-1252 from 0x80 to 0x9f; a space stands for nothing
	windows = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"
)

var (
	words     = map[string]string{"comma": ",", "semicolon": ";", "tab": "\t", `\t`: "\t", "pipe": "|"}
	encodings = map[string]string{
		"utf-8": "utf-8", "utf8": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16", "utf16": "utf-16",
		"utf-16-le": "utf-16-le", "utf-16le": "utf-16-le", "utf-16-be": "utf-16-be", "utf-16be": "utf-16-be",
		"windows-1252": "windows-1252",
		"cp1252":       "windows-1252", "iso-8859-1": "iso-8859-1", "latin-1": "iso-8859-1", "latin1": "iso-8859-1",
	}
	marks = [][2]string{{"utf-8", "\xef\xbb\xbf"}, {"utf-16-le", "\xff\xfe"}, {"utf-16-be", "\xfe\xff"}}
)

// Table is what a CSV file holds: trimmed names, rows of cells as text, and the line on which each row starts.
type Table struct {
	Names []string
	Rows  [][]string
	Lines []int
}

type record struct {
	cells []string
	line  int // counted from 1
}

// cutOff is an error of which the end of the text may be the cause.
type cutOff struct{ line int }

func (e cutOff) Error() string {
	return fmt.Sprintf("line %d: a quoted cell opens here and is not closed", e.line)
}

// ReadCSV reads the bytes of a CSV file; delimiter and encoding are found where they are "".
func ReadCSV(data []byte, delimiter, encoding string) (*Table, error) {
	if len(delimiter) != 1 || !strings.Contains(delimiters, delimiter) {
		sign, isWord := words[strings.ToLower(delimiter)]
		if delimiter != "" && !isWord {
			return nil, fmt.Errorf(
				"the delimiter must be comma, semicolon, tab or pipe, however: %s",
				quoted(delimiter),
			)
		}
		delimiter = sign
	}
	content, err := unzipped(data)
	if err != nil {
		return nil, fmt.Errorf("the rows must be whole, however: they are a damaged gzip file: %w", err)
	}
	text, err := decoded(content, encoding)
	if err != nil {
		return nil, err
	}
	lines := linesOf(text)
	for i, line := range lines {
		if strings.Contains(line, "\x00") {
			return nil, fmt.Errorf("the rows must be CSV, however: line %d holds the character U+0000", i+1)
		}
	}
	sample := lines
	if len(sample) > sampleLines {
		sample = sample[:sampleLines]
	}
	next, named := 0, ""
	for i, line := range sample {
		if !isBlank(line, ",") {
			if named = namedDelimiter(line); named != "" {
				next = i + 1
			}
			break
		}
	}
	if delimiter == "" {
		if delimiter = named; named == "" {
			delimiter = foundDelimiter(sample)
		}
	}
	return readTable(&records{lines: lines, delimiter: delimiter[0], next: next})
}

func readTable(source *records) (*Table, error) {
	header, err := source.read()
	if err == io.EOF {
		return nil, fmt.Errorf("the rows must start with a line of column names, however: there is none")
	} else if err != nil {
		return nil, err
	}
	table, count := &Table{}, 0 // names behind the last are nameless, where lines end with a delimiter
	for i, name := range header.cells {
		table.Names = append(table.Names, strings.Trim(name, white))
		if table.Names[i] != "" {
			count = i + 1
		}
	}
	if count == 0 {
		count = len(header.cells)
	}
	table.Names = table.Names[:count]
	for {
		row, err := source.read()
		if err == io.EOF {
			return table, nil
		} else if err != nil {
			return nil, err
		}
		if len(row.cells) != len(header.cells) {
			return nil, fmt.Errorf(
				"line %d: a row must have %d cells, however: %d",
				row.line,
				len(header.cells),
				len(row.cells),
			)
		}
		for i, cell := range row.cells[count:] {
			if strings.Trim(cell, white) != "" {
				return nil, fmt.Errorf(
					"line %d: cells must stand below a name, however: cell %d does not",
					row.line,
					count+i+1,
				)
			}
		}
		table.Rows, table.Lines = append(table.Rows, row.cells[:count]), append(table.Lines, row.line)
	}
}

func unzipped(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	var content bytes.Buffer
	for rest := data; len(rest) > 0; rest = bytes.TrimLeft(rest, "\x00") { // zeros may follow
		source := bytes.NewReader(rest)
		member, err := gzip.NewReader(source)
		if err != nil {
			return nil, err
		}
		member.Multistream(false)
		if _, err := io.Copy(&content, member); err != nil {
			return nil, err
		}
		rest = rest[len(rest)-source.Len():]
	}
	return content.Bytes(), nil
}

func decoded(data []byte, given string) (string, error) {
	marked, mark := "", ""
	for _, each := range marks {
		if bytes.HasPrefix(data, []byte(each[1])) {
			marked, mark = each[0], each[1]
		}
	}
	encoding, isKnown := encodings[strings.ReplaceAll(strings.ToLower(given), "_", "-")]
	switch {
	case given != "" && !isKnown:
		return "", fmt.Errorf(
			"the encoding must be utf-8, utf-16, utf-16-le, utf-16-be, windows-1252 or iso-8859-1, however: %s",
			quoted(given),
		)
	case given == "" && marked != "":
		encoding = marked
	case given == "":
		encoding = unmarkedEncoding(data)
	case encoding == "utf-16" && strings.HasPrefix(marked, encoding):
		encoding = marked
	case encoding == "utf-16":
		encoding = "utf-16-le"
	}
	if encoding == marked {
		data = data[len(mark):]
	}
	wrong := fmt.Errorf("the rows must be text in %s, however: they are not. Give --encoding.", encoding)
	var text strings.Builder
	switch encoding {
	case "utf-8":
		if !utf8.Valid(data) {
			return "", wrong
		}
		return string(data), nil
	case "iso-8859-1", "windows-1252":
		signs := []rune(windows)
		for _, code := range data {
			sign := rune(code)
			if encoding == "windows-1252" && code >= 0x80 && code < 0xa0 {
				if sign = signs[code-0x80]; sign == ' ' {
					return "", wrong
				}
			}
			text.WriteRune(sign)
		}
		return text.String(), nil
	}
	if len(data)%2 > 0 {
		return "", wrong
	}
	low, high := 0, 1
	if encoding == "utf-16-be" {
		low, high = 1, 0
	}
	unit := func(i int) rune { return rune(data[i+low]) | rune(data[i+high])<<8 }
	for i := 0; i < len(data); i += 2 {
		sign := unit(i)
		if utf16.IsSurrogate(sign) {
			if i += 2; i == len(data) {
				return "", wrong
			}
			if sign = utf16.DecodeRune(sign, unit(i)); sign == utf8.RuneError {
				return "", wrong
			}
		}
		text.WriteRune(sign)
	}
	return text.String(), nil
}

// unmarkedEncoding is UTF-16 if zeros stand at odd or at even offsets only, and enough of them; else UTF-8.
func unmarkedEncoding(data []byte) string {
	if len(data) > sampleBytes {
		data = data[:sampleBytes]
	}
	zeros := [2]int{}
	for i, code := range data {
		if code == 0 {
			zeros[i%2]++
		}
	}
	all := zeros[0] + zeros[1]
	switch {
	case 4*all < len(data) || all == 0 || zeros[0] > 0 && zeros[1] > 0:
		return "utf-8"
	case zeros[1] > 0:
		return "utf-16-le"
	}
	return "utf-16-be"
}

// linesOf gives the lines of a text with their line ends.
func linesOf(text string) []string {
	var lines []string
	for text != "" {
		end := strings.IndexAny(text, "\r\n") + 1
		if end == 0 {
			end = len(text)
		} else if strings.HasPrefix(text[end-1:], "\r\n") {
			end++
		}
		lines, text = append(lines, text[:end]), text[end:]
	}
	return lines
}

func isBlank(line, delimiter string) bool {
	if delimiter == "\t" {
		return strings.Trim(line, " \r\n") == ""
	}
	return strings.Trim(line, " \t\r\n") == ""
}

// namedDelimiter is the delimiter that a line such as `sep=;` names.
func namedDelimiter(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if len(line) == 7 && line[0] == '"' && line[6] == '"' {
		line = line[1:6]
	}
	if len(line) != 5 || !strings.EqualFold(line[:4], "sep=") || !strings.Contains(delimiters, line[4:]) {
		return ""
	}
	return line[4:]
}

// foundDelimiter is the delimiter that cuts the sample of lines best, the comma if nothing tells.
func foundDelimiter(lines []string) string {
	best, bestScore := ",", [3]int{}
	for _, delimiter := range strings.Split(delimiters, "") {
		score := scoreOf(&records{lines: lines, delimiter: delimiter[0]})
		for i, number := range score {
			if number != bestScore[i] {
				if number > bestScore[i] {
					best, bestScore = delimiter, score
				}
				break
			}
		}
	}
	return best
}

// scoreOf tells whether all records are alike, how many are from the start, and how many cells the first has.
func scoreOf(source *records) [3]int {
	cells, alike := 0, 0
	for {
		row, err := source.read()
		if _, isCutOff := err.(cutOff); err == io.EOF || isCutOff {
			if alike == 0 {
				return [3]int{}
			}
			return [3]int{1, alike, cells}
		} else if err != nil {
			if alike == 0 {
				return [3]int{}
			}
			return [3]int{0, alike, cells}
		}
		if cells == 0 {
			cells = len(row.cells)
		}
		if cells < 2 {
			return [3]int{}
		}
		if len(row.cells) != cells {
			return [3]int{0, alike, cells}
		}
		alike++
	}
}

// records reads lines as records of cells.
type records struct {
	lines     []string
	delimiter byte
	next      int
}

// read gives the next record, io.EOF behind the last.
func (r *records) read() (record, error) {
	for r.next < len(r.lines) && isBlank(r.lines[r.next], string(r.delimiter)) {
		r.next++
	}
	if r.next == len(r.lines) {
		return record{}, io.EOF
	}
	line := r.lines[r.next]
	r.next++
	found := record{line: r.next}
	for {
		line = strings.TrimLeft(line, " ")
		if !strings.HasPrefix(line, `"`) {
			end := strings.IndexByte(line, r.delimiter)
			if end < 0 {
				found.cells = append(found.cells, strings.TrimRight(line, "\r\n"))
				return found, nil
			}
			found.cells, line = append(found.cells, line[:end]), line[end+1:]
			continue
		}
		opened := r.next
		var cell strings.Builder
		for line = line[1:]; ; {
			end := strings.IndexByte(line, '"')
			if end >= 0 && strings.HasPrefix(line[end:], `""`) {
				cell.WriteString(line[:end+1])
				line = line[end+2:]
			} else if end >= 0 {
				cell.WriteString(line[:end])
				line = strings.TrimLeft(line[end+1:], " ")
				break
			} else if cell.WriteString(line); r.next == len(r.lines) {
				return record{}, cutOff{opened}
			} else {
				line = r.lines[r.next]
				r.next++
			}
		}
		found.cells = append(found.cells, cell.String())
		if line == "" || line[0] == '\r' || line[0] == '\n' {
			return found, nil
		}
		if line[0] != r.delimiter {
			return record{}, fmt.Errorf("line %d: text must not follow the closing quote of a cell", r.next)
		}
		line = line[1:]
	}
}
