package mothernet

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Dates and times as cells write them, and their parts: section 2.4 of FORMAT.md.

const (
	timeText = `(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?` +
		`(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?`
	restText  = `(?:(?:[Tt]|,? )` + timeText + `)?`
	dayText   = `(?P<day>[0-9]{1,2})`
	monthText = `(?P<month>[0-9]{1,2})`
	yearText  = `(?P<year>[0-9]{4}|[0-9]{2})`
	nameText  = `(?P<name>[A-Za-z]{3,9})\.?`
	first     = `(?P<first>[-/.])`
	second    = `(?P<other>[-/.])` // must be the first again: these expressions cannot say so
	isoText   = `(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})` + restText
	daySize   = 86400
)

var datePatterns = map[string][]*regexp.Regexp{
	"ymd": whole(isoText, `(?P<year>[0-9]{4})`+first+monthText+second+dayText+restText,
		`(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?:[Tt]`+timeText+`)?`),
	"dmy": whole(
		isoText,
		dayText+first+monthText+second+yearText+restText,
		dayText+`\.?[- ]`+nameText+`[- ,] ?`+yearText+restText,
	),
	"mdy": whole(
		isoText,
		monthText+first+dayText+second+yearText+restText,
		nameText+` `+dayText+`,? `+yearText+restText,
	),
	"time": whole(timeText),
}

var months = strings.Fields("january february march april may june july august september october november december")

func whole(texts ...string) []*regexp.Regexp {
	expressions := make([]*regexp.Regexp, len(texts))
	for i, text := range texts {
		expressions[i] = regexp.MustCompile(`^(?:` + text + `)$`)
	}
	return expressions
}

// secondsOfText gives the seconds since 1970 that a trimmed text says, and whether it is a date.
func secondsOfText(text, pattern string) (float64, bool) {
	for _, expression := range datePatterns[pattern] {
		match := expression.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		field := map[string]string{}
		for i, name := range expression.SubexpNames() {
			field[name] = match[i]
		}
		if field["first"] != field["other"] {
			continue
		}
		day, isDay := dayOf(field)
		seconds, isTime := timeOfDay(field)
		fraction, _ := strconv.ParseFloat("0."+field["fraction"], 64)
		return float64(daySize*day+seconds) + fraction, isDay && isTime
	}
	return 0, false
}

// dayOf gives the day since 1970-01-01, and whether there is such a day.
func dayOf(field map[string]string) (int64, bool) {
	if field["year"] == "" {
		return 0, true // a time of day alone
	}
	year := number(field["year"])
	if len(field["year"]) == 2 {
		year += 1900
		if year < 1969 {
			year += 100
		}
	}
	month, day := number(field["month"]), number(field["day"])
	word := strings.ToLower(field["name"])
	for i, name := range months {
		if word == name || word == name[:3] || len(name) > 3 && word == name[:4] {
			month = i + 1
		}
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	isThere := year > 0 && int(date.Month()) == month && date.Day() == day
	return date.Unix() / daySize, isThere
}

// timeOfDay gives whole seconds since midnight, of UTC where an offset is named, and whether there is such a time.
func timeOfDay(field map[string]string) (int64, bool) {
	hour, minute, second := number(field["hour"]), number(field["minute"]), number(field["second"])
	if half := field["half"]; half != "" {
		if hour < 1 || hour > 12 {
			return 0, false
		}
		hour %= 12
		if strings.ToLower(half) == "p" {
			hour += 12
		}
	}
	isPastMidnight := hour == 24 && (minute > 0 || second > 0 || strings.Trim(field["fraction"], "0") != "")
	if hour > 24 || minute > 59 || second > 60 || isPastMidnight {
		return 0, false
	}
	seconds := hour*3600 + minute*60 + second
	if zone := field["zone"]; strings.HasPrefix(zone, "+") || strings.HasPrefix(zone, "-") {
		digits := strings.ReplaceAll(zone[1:], ":", "") + "00"
		hours, minutes := number(digits[:2]), number(digits[2:4])
		if hours > 23 || minutes > 59 {
			return 0, false
		}
		if offset := hours*3600 + minutes*60; zone[0] == '-' {
			seconds += offset
		} else {
			seconds -= offset
		}
	}
	return int64(seconds), true
}

// number reads some ASCII digits, 0 if there are none.
func number(digits string) int {
	value, _ := strconv.Atoi(digits)
	return value
}

// datePart takes days, month, weekday (Monday is 0) or hour from the seconds of a date; any other part is the value.
func datePart(seconds float64, part string) float64 {
	day := math.Floor(seconds / daySize)
	switch {
	case math.IsNaN(seconds):
		return seconds
	case part == "days":
		return seconds / daySize
	case part == "month":
		return float64(time.Unix(daySize*int64(day), 0).UTC().Month())
	case part == "weekday":
		return math.Mod(math.Mod(day+3, 7)+7, 7)
	case part == "hour":
		return (seconds - daySize*day) / 3600
	}
	return seconds
}
