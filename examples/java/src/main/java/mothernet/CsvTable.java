package mothernet;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A CSV file as section 2.8 of FORMAT.md has it: trimmed names, rows of cells as text, the line on
 * which each row starts.
 */
record CsvTable(List<String> names, List<String[]> rows, List<Integer> lines) {
    private static final List<String> DELIMITERS = List.of(",", ";", "\t", "|");
    private static final Map<String, String> WORDS =
            Map.of("comma", ",", "semicolon", ";", "tab", "\t", "\\t", "\t", "pipe", "|");
    private static final Map<String, String> ALIASES =
            Map.of(
                    "utf8",
                    "utf-8",
                    "utf-8-sig",
                    "utf-8",
                    "utf16",
                    "utf-16",
                    "utf-16le",
                    "utf-16-le",
                    "utf-16be",
                    "utf-16-be",
                    "cp1252",
                    "windows-1252",
                    "latin-1",
                    "iso-8859-1",
                    "latin1",
                    "iso-8859-1");
    private static final Map<String, Charset> CHARSETS =
            Map.of(
                    "utf-8",
                    StandardCharsets.UTF_8,
                    "utf-16-le",
                    StandardCharsets.UTF_16LE,
                    "utf-16-be",
                    StandardCharsets.UTF_16BE,
                    "windows-1252",
                    Charset.forName("windows-1252"),
                    "iso-8859-1",
                    StandardCharsets.ISO_8859_1);
    private static final Pattern SEP =
            Pattern.compile("(\"?)sep=([,;\t|])\\1[\r\n]*", Pattern.CASE_INSENSITIVE);
    private static final int SAMPLE_BYTES = 1024;
    private static final int SAMPLE_LINES = 200;

    private record Row(List<String> cells, int line) {}

    /** An error of which the end of the text may be the cause. */
    private static final class CutOff extends IllegalArgumentException {
        private static final long serialVersionUID = 1;

        CutOff(int line) {
            super("line " + line + ": a quoted cell opens here and is not closed");
        }
    }

    /** Reads the bytes of a CSV file; delimiter and encoding are found where they are null. */
    static CsvTable read(byte[] data, String delimiter, String encoding) {
        String sign =
                delimiter == null || DELIMITERS.contains(delimiter)
                        ? delimiter
                        : WORDS.get(delimiter.toLowerCase(Locale.ROOT));
        Require.that(
                delimiter == null || sign != null,
                "the delimiter must be comma, semicolon, tab or pipe, however: %s",
                CellRule.quoted(delimiter));
        List<String> lines =
                linesOf(decoded(Gzip.isOne(data) ? Gzip.unzipped(data) : data, encoding));
        for (int i = 0; i < lines.size(); i++) {
            Require.that(
                    lines.get(i).indexOf('\0') < 0,
                    "the rows must be CSV, however: line %d holds the character U+0000",
                    i + 1);
        }
        List<String> sample = lines.subList(0, Math.min(lines.size(), SAMPLE_LINES));
        int first = 0;
        while (first < sample.size() && isBlank(sample.get(first), ",")) first++;
        Matcher named = SEP.matcher(first < sample.size() ? sample.get(first) : "");
        boolean isNamed = named.matches();
        if (sign == null) sign = isNamed ? named.group(2) : foundDelimiter(sample);
        return read(new Records(lines, sign, isNamed ? first + 1 : 0));
    }

    private static CsvTable read(Records records) {
        Row header = records.read();
        Require.that(
                header != null,
                "the rows must start with a line of column names, however: there is none");
        List<String> names =
                new ArrayList<>(
                        header.cells.stream()
                                .map(name -> CellRule.trimmed(name, CellRule.WHITE))
                                .toList());
        int count = names.size(); // the last are nameless where lines end with a delimiter
        while (count > 0 && names.get(count - 1).isEmpty()) count--;
        if (count == 0) count = names.size();
        CsvTable table =
                new CsvTable(names.subList(0, count), new ArrayList<>(), new ArrayList<>());
        for (Row row = records.read(); row != null; row = records.read()) {
            int cells = row.cells.size();
            Require.that(
                    cells == names.size(),
                    "line %d: a row must have %d cells, however: %d",
                    row.line,
                    names.size(),
                    cells);
            for (String cell : row.cells.subList(count, cells)) {
                boolean isNothing = CellRule.trimmed(cell, CellRule.WHITE).isEmpty();
                Require.that(
                        isNothing,
                        "line %d: cells must stand below a name, however: %s does not",
                        row.line,
                        CellRule.quoted(cell));
            }
            table.rows.add(row.cells.subList(0, count).toArray(String[]::new));
            table.lines.add(row.line);
        }
        return table;
    }

    private static String decoded(byte[] data, String given) {
        String marked =
                startsWith(data, 0xef, 0xbb, 0xbf)
                        ? "utf-8"
                        : startsWith(data, 0xff, 0xfe)
                                ? "utf-16-le"
                                : startsWith(data, 0xfe, 0xff) ? "utf-16-be" : "";
        String encoding = marked.isEmpty() ? unmarkedEncoding(data) : marked;
        if (given != null) {
            String name = given.toLowerCase(Locale.ROOT).replace('_', '-');
            encoding = ALIASES.getOrDefault(name, name);
            if (encoding.equals("utf-16"))
                encoding = marked.startsWith("utf-16") ? marked : "utf-16-le";
            Require.that(
                    CHARSETS.containsKey(encoding),
                    "the encoding must be utf-8, utf-16, utf-16-le, utf-16-be, windows-1252 or"
                            + " iso-8859-1, however: %s",
                    CellRule.quoted(given));
        }
        int start = !encoding.equals(marked) ? 0 : marked.equals("utf-8") ? 3 : 2;
        try {
            return CHARSETS.get(encoding)
                    .newDecoder()
                    .decode(ByteBuffer.wrap(data, start, data.length - start))
                    .toString();
        } catch (CharacterCodingException error) {
            throw new IllegalArgumentException(
                    "the rows must be text in "
                            + encoding
                            + ", however: they are not. Give --encoding.");
        }
    }

    private static boolean startsWith(byte[] data, int... mark) {
        for (int i = 0; i < mark.length; i++) {
            if (i >= data.length || data[i] != (byte) mark[i]) return false;
        }
        return true;
    }

    /** UTF-16 if zeros stand at odd or at even offsets only, and enough of them; else UTF-8. */
    private static String unmarkedEncoding(byte[] data) {
        int[] zeros = new int[2];
        int length = Math.min(data.length, SAMPLE_BYTES);
        for (int i = 0; i < length; i++) zeros[i % 2] += data[i] == 0 ? 1 : 0;
        int all = zeros[0] + zeros[1];
        if (4 * all < length || all == 0 || zeros[0] > 0 && zeros[1] > 0) return "utf-8";
        return zeros[1] > 0 ? "utf-16-le" : "utf-16-be";
    }

    /** The lines of a text with their line ends. */
    private static List<String> linesOf(String text) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            boolean isReturn = text.charAt(i) == '\r';
            if (!isReturn && text.charAt(i) != '\n') continue;
            if (isReturn && i + 1 < text.length() && text.charAt(i + 1) == '\n') i++;
            lines.add(text.substring(start, i + 1));
            start = i + 1;
        }
        if (start < text.length()) lines.add(text.substring(start));
        return lines;
    }

    private static boolean isBlank(String line, String delimiter) {
        return CellRule.trimmed(line, delimiter.equals("\t") ? " \r\n" : " \t\r\n").isEmpty();
    }

    /** The delimiter that cuts the sample of lines best, the comma if nothing tells. */
    private static String foundDelimiter(List<String> lines) {
        String best = ",";
        int[] bestScore = new int[3];
        for (String delimiter : DELIMITERS) {
            int[] score = scoreOf(new Records(lines, delimiter, 0));
            if (Arrays.compare(score, bestScore) > 0) {
                best = delimiter;
                bestScore = score;
            }
        }
        return best;
    }

    /**
     * Whether all records are alike, how many are from the start, and how many cells the first has.
     */
    private static int[] scoreOf(Records records) {
        int cells = 0;
        int alike = 0;
        boolean isWhole = true;
        try {
            for (Row row = records.read(); row != null; row = records.read()) {
                if (cells == 0) cells = row.cells.size();
                if (cells < 2) return new int[3];
                if (row.cells.size() != cells) return new int[] {0, alike, cells};
                alike++;
            }
        } catch (IllegalArgumentException error) {
            isWhole = error instanceof CutOff;
        }
        return alike == 0 ? new int[3] : new int[] {isWhole ? 1 : 0, alike, cells};
    }

    /** Reads lines as records of cells. */
    private static final class Records {
        private final List<String> lines;
        private final String delimiter;
        private int next;

        Records(List<String> lines, String delimiter, int next) {
            this.lines = lines;
            this.delimiter = delimiter;
            this.next = next;
        }

        /** The next record, null behind the last. */
        Row read() {
            while (next < lines.size() && isBlank(lines.get(next), delimiter)) next++;
            if (next == lines.size()) return null;
            String line = lines.get(next++);
            Row row = new Row(new ArrayList<>(), next);
            for (int position = 0; ; position++) {
                position = behindSpaces(line, position);
                if (!line.startsWith("\"", position)) {
                    int end = line.indexOf(delimiter, position);
                    if (end < 0) {
                        int last = line.length();
                        while (last > position && "\r\n".indexOf(line.charAt(last - 1)) >= 0)
                            last--;
                        row.cells.add(line.substring(position, last));
                        return row;
                    }
                    row.cells.add(line.substring(position, end));
                    position = end;
                    continue;
                }
                int opened = next;
                StringBuilder cell = new StringBuilder();
                for (position++; ; ) {
                    int end = line.indexOf('"', position);
                    if (end < 0) {
                        cell.append(line, position, line.length());
                        if (next == lines.size()) throw new CutOff(opened);
                        line = lines.get(next++);
                        position = 0;
                    } else if (line.startsWith("\"\"", end)) {
                        cell.append(line, position, end + 1);
                        position = end + 2;
                    } else {
                        cell.append(line, position, end);
                        position = behindSpaces(line, end + 1);
                        break;
                    }
                }
                row.cells.add(cell.toString());
                if (position == line.length() || "\r\n".indexOf(line.charAt(position)) >= 0)
                    return row;
                Require.that(
                        line.startsWith(delimiter, position),
                        "line %d: text must not follow the closing quote of a cell",
                        next);
            }
        }

        private static int behindSpaces(String line, int position) {
            while (position < line.length() && line.charAt(position) == ' ') position++;
            return position;
        }
    }
}
