package mothernet

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What a cell means, by the rule of its column: sections 2.1 to 2.3, 2.5 and 2.6 of FORMAT.md.

const (
	white = "\t\n\v\f\r "
	space = `[\t\n\v\f\r \x{00A0}\x{202F}]*`
)

var (
	blanks = set(strings.Split("|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|"+
		"N/A|NA|NULL|NaN|None|n/a|nan|null", "|")...)
	trues   = set("true", "t", "yes", "y", "on")
	falses  = set("false", "f", "no", "n", "off")
	infs    = set("inf", "infinity")
	spaces  = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "")
	integer = regexp.MustCompile(`^([+-]?)0*([0-9]+?)(?:\.0*)?$`)
	mustBe  = map[string]string{
		"number":   "numbers",
		"boolean":  "true or false",
		"date":     "dates or times",
		"category": "texts",
	}
)

// rule says how the cells of a column are read.
type rule struct {
	kind, decimal, group, affix, pattern string
	percent, integers                    bool
	missing                              map[string]bool
	ways                                 []way
}

// way is one way to write numbers; the expression has the groups sign, second sign, digits and percent.
type way struct {
	expression     *regexp.Regexp
	decimal, group string
}

// value is what a cell says: a number (NaN if missing), seconds of a date, or the text of a category ("" if missing).
type value struct {
	number float64
	text   string
}

// read gives the value of a cell of any type that FORMAT.md names.
func (r *rule) read(cell any) (value, error) {
	switch typed := cell.(type) {
	case nil:
		return value{number: math.NaN()}, nil
	case string:
		return r.readText(typed)
	case []byte:
		return r.readText(string(typed))
	case json.Number:
		if r.kind == "category" {
			if whole, isInteger := new(big.Int).SetString(typed.String(), 10); isInteger {
				return r.readText(whole.String())
			}
		}
		number, err := strconv.ParseFloat(typed.String(), 64)
		if err != nil && !math.IsInf(number, 0) {
			return value{}, r.wrong(cell)
		}
		return r.readNumber(cell, number)
	case bool:
		if r.kind == "category" {
			return r.readText(boolText(typed))
		}
		return r.readNumber(cell, map[bool]float64{true: 1}[typed])
	case time.Time:
		if r.kind != "date" {
			return value{}, r.wrong(cell)
		}
		return value{number: float64(typed.Unix()) + float64(typed.Nanosecond())/1e9}, nil
	}
	switch kind := reflect.ValueOf(cell); {
	case kind.CanInt() && r.kind == "category":
		return r.readText(strconv.FormatInt(kind.Int(), 10))
	case kind.CanUint() && r.kind == "category":
		return r.readText(strconv.FormatUint(kind.Uint(), 10))
	case kind.CanInt():
		return r.readNumber(cell, float64(kind.Int()))
	case kind.CanUint():
		return r.readNumber(cell, float64(kind.Uint()))
	case kind.CanFloat():
		return r.readNumber(cell, kind.Float())
	}
	return value{}, r.wrong(cell)
}

func (r *rule) wrong(cell any) error {
	return fmt.Errorf("must hold %s, however: %s", mustBe[r.kind], quoted(cell))
}

func (r *rule) readNumber(cell any, number float64) (value, error) {
	switch {
	case math.IsNaN(number):
		return value{number: number}, nil
	case r.kind == "category":
		return r.readText(categoryText(number))
	case r.kind == "date":
		return value{}, r.wrong(cell)
	}
	return value{number: number}, nil
}

func (r *rule) readText(cell string) (value, error) {
	if strings.ContainsRune(cell, 0) || !utf8.ValidString(cell) { // onnxruntime's strings end at NUL
		return value{}, fmt.Errorf("must hold text in UTF-8 without NUL, however: %s", quoted(cell))
	}
	text := strings.Trim(cell, white)
	if r.kind == "category" {
		text = norm.NFC.String(text)
	}
	if blanks[text] || r.missing[text] {
		return value{number: math.NaN()}, nil
	}
	var number float64
	var fits bool
	switch r.kind {
	case "category":
		return value{text: r.category(text)}, nil
	case "date":
		number, fits = secondsOfText(text, r.pattern)
	default:
		number, fits = r.number(text)
	}
	if !fits {
		return value{}, r.wrong(cell)
	}
	return value{number: number}, nil
}

// category is the text of a category in the one form that categories of the file have.
func (r *rule) category(text string) string {
	match := integer.FindStringSubmatch(text)
	if !r.integers || match == nil {
		return text
	}
	if match[1] == "-" && match[2] != "0" {
		return "-" + match[2]
	}
	return match[2]
}

// number gives the number that a trimmed text says, and whether it is one.
func (r *rule) number(text string) (float64, bool) {
	inside, isNegative := inParentheses(text, r.affix)
	for _, way := range r.ways {
		match := way.expression.FindStringSubmatch(inside)
		if match == nil {
			continue
		}
		sign, digits := match[1]+match[2], match[3]
		if len(sign) > 1 || sign != "" && isNegative {
			return 0, false
		}
		if way.group == " " {
			digits = spaces.Replace(digits)
		} else if way.group != "" {
			digits = strings.ReplaceAll(digits, way.group, "")
		}
		number, _ := strconv.ParseFloat(strings.Replace(digits, way.decimal, ".", 1), 64) // infinite beyond the range
		if match[4] != "" {
			number /= 100
		}
		if isNegative || sign == "-" {
			number = -number
		}
		return number, true
	}
	word := strings.ToLower(text)
	unsigned := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "+")
	switch hasSign := len(word) - len(unsigned); {
	case hasSign <= 1 && infs[unsigned] && word[0] == '-':
		return math.Inf(-1), true
	case hasSign <= 1 && infs[unsigned]:
		return math.Inf(1), true
	case hasSign <= 1 && unsigned == "nan":
		return math.NaN(), true
	case r.kind == "boolean" && trues[word]:
		return 1, true
	case r.kind == "boolean" && falses[word]:
		return 0, true
	}
	return 0, false
}

// waysToWrite gives the ways of a column, then the plain ones; in each, first with the affix before the number.
func waysToWrite(decimal, group, affix string, percent bool) []way {
	separator, inner, wholes := regexp.QuoteMeta(group), `[0-9]{3}`, `[0-9]+`
	if group == " " {
		separator = `[ \x{00A0}\x{202F}]`
	} else if group == "," {
		inner = `[0-9]{2,3}` // 12,34,567
	}
	if group != "" {
		wholes = fmt.Sprintf(`(?:[0-9]{1,3}(?:%s%s)*%s[0-9]{3}|[0-9]+)`, separator, inner, separator)
	}
	point := regexp.QuoteMeta(decimal)
	number := fmt.Sprintf(`((?:%s(?:%s[0-9]*)?|%s[0-9]+)(?:[eE][+-]?[0-9]+)?)`, wholes, point, point)
	if percent {
		number += `(` + space + `%)?`
	} else {
		number += `()`
	}
	var ways []way
	unit := regexp.QuoteMeta(affix)
	if affix != "" {
		ways = append(
			ways,
			way{regexp.MustCompile(`^([+-]?)` + unit + space + `([+-]?)` + number + `$`), decimal, group},
		)
		number += `(?:` + space + unit + `)?`
	}
	ways = append(ways, way{regexp.MustCompile(`^([+-]?)()` + number + `$`), decimal, group})
	if decimal != "." || group != "" {
		ways = append(ways, waysToWrite(".", "", affix, percent)...)
	}
	return ways
}

// inParentheses gives what stands in parentheses, which is negative; an affix may stand before or behind them.
func inParentheses(text, affix string) (string, bool) {
	before, after, inside := "", "", text
	if affix != "" && strings.HasSuffix(text, ")") && strings.HasPrefix(text, affix) {
		before, inside = affix, strings.Trim(text[len(affix):], white+"\u00a0\u202f")
	} else if affix != "" && strings.HasPrefix(text, "(") && strings.HasSuffix(text, affix) {
		after, inside = affix, strings.Trim(text[:len(text)-len(affix)], white+"\u00a0\u202f")
	}
	if len(inside) < 2 || inside[0] != '(' || inside[len(inside)-1] != ')' {
		return text, false
	}
	return before + strings.Trim(inside[1:len(inside)-1], white) + after, true
}

// categoryText is a number in a column of categories: inf, an integral one without point and exponent, else its repr.
func categoryText(number float64) string {
	switch {
	case math.IsInf(number, 0):
		return map[bool]string{true: "inf", false: "-inf"}[number > 0]
	case number == math.Trunc(number):
		whole, _ := new(big.Float).SetFloat64(number).Int(nil)
		return whole.String()
	}
	return repr(number)
}

func boolText(is bool) string {
	return map[bool]string{false: "False", true: "True"}[is]
}

// repr writes a finite number as Python does: 2.0, 0.5, 1e-07.
func repr(number float64) string {
	text := strconv.FormatFloat(number, 'e', -1, 64) // has an exponent of at least two digits, signed
	if exponent, _ := strconv.Atoi(text[strings.Index(text, "e")+1:]); exponent < -4 || exponent >= 16 {
		return text
	}
	text = strconv.FormatFloat(number, 'f', -1, 64)
	if number == math.Trunc(number) {
		text += ".0"
	}
	return text
}

// quoted shows a cell or a name in a message, on one line and not too long.
func quoted(cell any) string {
	text := fmt.Sprint(cell)
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "..."
	}
	return strconv.Quote(text)
}

func set(texts ...string) map[string]bool {
	members := make(map[string]bool, len(texts))
	for _, text := range texts {
		members[text] = true
	}
	return members
}
