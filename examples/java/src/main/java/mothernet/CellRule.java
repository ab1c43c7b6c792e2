package mothernet;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.text.Normalizer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a cell means, by the rule of its column: sections 2.1 to 2.3, 2.5 and 2.6 of FORMAT.md. */
final class CellRule {
    static final String WHITE = "\t\n\u000b\f\r ";
    private static final String SPACES = WHITE + "\u00a0\u202f";
    private static final String SPACE = "[\\t\\n\\x0b\\f\\r \\u00a0\\u202f]*";
    private static final Set<String> BLANKS =
            Set.of(
                    ("|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>"
                                    + "|N/A|NA|NULL|NaN|None|n/a|nan|null")
                            .split("\\|"));
    private static final Set<String> TRUE = Set.of("true", "t", "yes", "y", "on");
    private static final Set<String> FALSE = Set.of("false", "f", "no", "n", "off");
    private static final Pattern SPECIAL = Pattern.compile("[+-]?(?:inf|infinity|nan)");
    private static final Pattern INTEGER = Pattern.compile("([+-]?)([0-9]+)(?:\\.0*)?");
    private static final Map<String, String> MUST_BE =
            Map.of(
                    "number",
                    "numbers",
                    "boolean",
                    "true or false",
                    "date",
                    "dates or times",
                    "category",
                    "texts");

    /**
     * One way to write numbers; the expression has the groups sign, inner (another sign), digits
     * and percent.
     */
    private record Way(Pattern expression, String decimal, String group) {}

    /**
     * What a cell says: a number (NaN if missing), seconds of a date, or the text of a category (""
     * if missing).
     */
    record Value(double number, String text) {
        static final Value MISSING = new Value(Double.NaN, "");
    }

    private final String type;
    private final Set<String> missing;
    private final String affix;
    private final boolean integers;
    private final List<Way> ways = new ArrayList<>();
    private final List<Pattern> dates;

    private CellRule(
            String type, Set<String> missing, String affix, boolean integers, List<Pattern> dates) {
        this.type = type;
        this.missing = missing;
        this.affix = affix;
        this.integers = integers;
        this.dates = dates;
    }

    static CellRule number(
            Set<String> missing, String decimal, String group, String affix, boolean percent) {
        CellRule rule = new CellRule("number", missing, affix, false, List.of());
        rule.addWays(decimal, group, percent);
        if (!decimal.equals(".") || !group.isEmpty()) rule.addWays(".", "", percent);
        return rule;
    }

    static CellRule bool(Set<String> missing) {
        CellRule rule = new CellRule("boolean", missing, "", false, List.of());
        rule.addWays(".", "", false);
        return rule;
    }

    static CellRule date(Set<String> missing, String pattern) {
        return new CellRule("date", missing, "", false, Dates.expressions(pattern));
    }

    static CellRule category(Set<String> missing, boolean integers) {
        return new CellRule("category", missing, "", integers, List.of());
    }

    /** The value of a cell: null, text, a number, a boolean, or a date or time of java.time. */
    Value read(Object cell) {
        if (cell == null) return Value.MISSING;
        if (cell instanceof String text) return readText(text);
        boolean isCategory = type.equals("category");
        if (cell instanceof Boolean is && isCategory) return readText(is ? "True" : "False");
        if (cell instanceof Number || cell instanceof Boolean) {
            if (type.equals("date")) throw wrong(cell);
            double number =
                    cell instanceof Boolean is ? (is ? 1 : 0) : ((Number) cell).doubleValue();
            if (Double.isNaN(number)) return Value.MISSING;
            return isCategory ? readText(textOf((Number) cell)) : new Value(number, "");
        }
        OptionalDouble seconds = type.equals("date") ? secondsOf(cell) : OptionalDouble.empty();
        return new Value(seconds.orElseThrow(() -> wrong(cell)), "");
    }

    Value readText(String cell) {
        if (cell.indexOf('\0') >= 0) { // strings of onnxruntime end there
            throw new IllegalArgumentException(
                    "must hold text without U+0000, however: " + quoted(cell));
        }
        String text = trimmed(cell, WHITE);
        boolean isCategory = type.equals("category");
        if (isCategory) text = Normalizer.normalize(text, Normalizer.Form.NFC);
        if (BLANKS.contains(text) || missing.contains(text)) return Value.MISSING;
        if (isCategory) return new Value(Double.NaN, integers ? integer(text) : text);
        OptionalDouble value = type.equals("date") ? Dates.seconds(text, dates) : number(text);
        return new Value(value.orElseThrow(() -> wrong(cell)), "");
    }

    private IllegalArgumentException wrong(Object cell) {
        return new IllegalArgumentException(
                "must hold " + MUST_BE.get(type) + ", however: " + quoted(cell));
    }

    private static String integer(String text) {
        Matcher match = INTEGER.matcher(text);
        if (!match.matches()) return text;
        int start = 0;
        while (start < match.group(2).length() - 1 && match.group(2).charAt(start) == '0') start++;
        String digits = match.group(2).substring(start);
        return match.group(1).equals("-") && !digits.equals("0") ? "-" + digits : digits;
    }

    /** The number that a trimmed text says, empty if none. */
    private OptionalDouble number(String text) {
        String inside = inParentheses(text);
        for (Way way : ways) {
            Matcher match = way.expression.matcher(inside == null ? text : inside);
            if (!match.matches()) continue;
            String sign = match.group(1) + match.group(2);
            if (sign.length() > (inside == null ? 1 : 0)) return OptionalDouble.empty();
            String digits = match.group(3);
            for (String each :
                    way.group.equals(" ") ? List.of(" ", "\u00a0", "\u202f") : List.of(way.group)) {
                if (!each.isEmpty()) digits = digits.replace(each, "");
            }
            double number =
                    Double.parseDouble(digits.replace(way.decimal, "."))
                            / (match.group(4) == null ? 1 : 100);
            return OptionalDouble.of(inside != null || sign.equals("-") ? -number : number);
        }
        String word = text.length() > 9 ? "" : text.toLowerCase(Locale.ROOT);
        if (SPECIAL.matcher(word).matches()) {
            double infinity =
                    word.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
            return OptionalDouble.of(word.endsWith("nan") ? Double.NaN : infinity);
        }
        if (!type.equals("boolean") || !TRUE.contains(word) && !FALSE.contains(word))
            return OptionalDouble.empty();
        return OptionalDouble.of(TRUE.contains(word) ? 1 : 0);
    }

    /**
     * First with the affix before the number. Loops are possessive, as others need a stack as deep
     * as the text is long.
     */
    private void addWays(String decimal, String group, boolean percent) {
        String separator = group.equals(" ") ? "[ \\u00a0\\u202f]" : Pattern.quote(group);
        String whole = "[0-9]+";
        if (group.equals(",")) { // 12,34,567
            whole = "(?:[0-9]{1,3}(?:,[0-9]{2,3})++(?<=,[0-9]{3})|[0-9]+)";
        } else if (!group.isEmpty()) {
            whole = "(?:[0-9]{1,3}(?:" + separator + "[0-9]{3})++|[0-9]+)";
        }
        String point = Pattern.quote(decimal);
        String number =
                "((?:"
                        + whole
                        + "(?:"
                        + point
                        + "[0-9]*)?|"
                        + point
                        + "[0-9]+)(?:[eE][+-]?[0-9]+)?)"
                        + (percent ? "(" + SPACE + "%)?" : "((?!))?");
        String unit = Pattern.quote(affix);
        if (!affix.isEmpty()) {
            String text = "([+-]?)" + unit + SPACE + "([+-]?)" + number;
            ways.add(new Way(Pattern.compile(text), decimal, group));
            number += "(?:" + SPACE + unit + ")?";
        }
        ways.add(new Way(Pattern.compile("([+-]?)()" + number), decimal, group));
    }

    /**
     * What stands in parentheses, which is negative; an affix may stand before or behind them. Null
     * if none.
     */
    private String inParentheses(String text) {
        String before = "";
        String after = "";
        if (!affix.isEmpty() && text.endsWith(")") && text.startsWith(affix)) {
            before = affix;
            text = trimmed(text.substring(affix.length()), SPACES);
        } else if (!affix.isEmpty() && text.startsWith("(") && text.endsWith(affix)) {
            after = affix;
            text = trimmed(text.substring(0, text.length() - affix.length()), SPACES);
        }
        if (text.length() < 2 || !text.startsWith("(") || !text.endsWith(")")) return null;
        return before + trimmed(text.substring(1, text.length() - 1), WHITE) + after;
    }

    private static OptionalDouble secondsOf(Object cell) {
        Instant instant = null;
        if (cell instanceof Instant it) instant = it;
        if (cell instanceof OffsetDateTime it) instant = it.toInstant();
        if (cell instanceof ZonedDateTime it) instant = it.toInstant();
        if (cell instanceof LocalDateTime it) instant = it.toInstant(ZoneOffset.UTC);
        if (cell instanceof LocalDate it) instant = it.atStartOfDay().toInstant(ZoneOffset.UTC);
        if (cell instanceof LocalTime it)
            instant = it.atDate(LocalDate.EPOCH).toInstant(ZoneOffset.UTC);
        if (instant == null) return OptionalDouble.empty();
        return OptionalDouble.of(instant.getEpochSecond() + instant.getNano() / 1e9);
    }

    /** A number as the text of a category: an integral one as integer, another as Python's repr. */
    private static String textOf(Number number) {
        if (number instanceof Long
                || number instanceof Integer
                || number instanceof Short
                || number instanceof Byte
                || number instanceof BigInteger) {
            return number.toString();
        }
        double value = number.doubleValue();
        if (Double.isInfinite(value)) return value > 0 ? "inf" : "-inf";
        return value == Math.rint(value)
                ? new BigDecimal(value).toBigInteger().toString()
                : repr(value);
    }

    /**
     * The shortest decimal that gives the same number, as Python writes it: 0.5, 2.0, 1e-07.
     * Double.toString is the shortest from Java 19 on only.
     */
    static String repr(double value) {
        if (value == 0) return Double.toString(value);
        BigDecimal exact = new BigDecimal(value);
        BigDecimal shortest = exact;
        for (int digits = 1; digits <= 17; digits++) {
            shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
            if (shortest.doubleValue() == value) break;
            BigDecimal step = shortest.ulp().multiply(BigDecimal.valueOf(exact.signum()));
            shortest = shortest.add(step); // for powers of two
            if (shortest.doubleValue() == value) break;
        }
        shortest = shortest.stripTrailingZeros();
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            return shortest.scale() > 0
                    ? shortest.toPlainString()
                    : shortest.toPlainString() + ".0";
        }
        String mantissa = shortest.scaleByPowerOfTen(-exponent).toPlainString();
        return String.format(
                Locale.ROOT, "%se%s%02d", mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    static String trimmed(String text, String white) {
        int start = 0;
        int end = text.length();
        while (start < end && white.indexOf(text.charAt(start)) >= 0) start++;
        while (end > start && white.indexOf(text.charAt(end - 1)) >= 0) end--;
        return text.substring(start, end);
    }

    /** A cell or a name in a message, on one line and not too long. */
    static String quoted(Object cell) {
        String text = String.valueOf(cell);
        StringBuilder shown = new StringBuilder("\"");
        text.codePoints()
                .limit(60)
                .forEach(
                        code -> {
                            if (code == '"' || code == '\\') shown.append('\\');
                            if (Character.isISOControl(code))
                                shown.append(String.format("\\u%04x", code));
                            else shown.appendCodePoint(code);
                        });
        return shown.append(text.length() > 60 ? "...\"" : "\"").toString();
    }
}
