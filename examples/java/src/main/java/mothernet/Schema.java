package mothernet;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Columns and classes from a file's metadata, checked: sections 5 and 8 of FORMAT.md. */
final class Schema {
    /** A column of the training table; the rule is null if it is ignored. */
    record Column(
            String name,
            String type,
            boolean used,
            boolean missingInTraining,
            Set<String> categories,
            CellRule rule,
            List<Input> inputs) {
        boolean isIgnored() {
            return rule == null;
        }
    }

    /** A column of one of the two matrices that the graph takes. */
    record Input(String matrix, int position, String part, double offset) {}

    final List<Column> columns = new ArrayList<>();
    final List<Object> classes = new ArrayList<>();
    final List<String> classTexts = new ArrayList<>(); // as the output label has them
    final String labelType;
    final Map<String, Integer> counts = new LinkedHashMap<>(); // columns of each input of the graph

    Schema(Map<String, String> metadata) {
        Json.parse(metadata.get("mothernet.versions"), "versions")
                .forEach(
                        (name, version) ->
                                Require.that(
                                        version instanceof String,
                                        "versions must be strings, however: that of %s is none",
                                        CellRule.quoted(name)));
        Map<String, Object> content = Json.parse(metadata.get("mothernet.schema"), "the schema");
        Require.that(
                Json.entry(content, "width", Json.Digits.class, "the schema").toLong("widths") >= 0,
                "width must be at least 0, however: it is not");
        labelType = Json.entry(content, "label_type", String.class, "the schema");
        readClasses(Json.list(content, "classes", "the schema"));
        counts.put("numeric", 0);
        counts.put("categorical", 0);
        for (Object each : Json.list(content, "columns", "the schema"))
            columns.add(readColumn(each));
        Require.that(
                columns.stream().map(Column::name).distinct().count() == columns.size(),
                "names of columns must be unique, however: one comes twice");
        counts.values().removeIf(count -> count == 0);
        Require.that(
                !counts.isEmpty(),
                "the schema must have a column that is not ignored, however: it has none");
    }

    private void readClasses(List<?> values) {
        Require.that(
                values.size() >= 2, "classes must be at least two, however: %d", values.size());
        for (Object value : values) {
            Object label = value;
            if (value instanceof Json.Digits digits && labelType.equals("integer"))
                label = digits.toLong("classes");
            if (value instanceof Json.Digits digits && labelType.equals("float"))
                label = digits.toDouble();
            boolean isRight =
                    switch (labelType) {
                        case "string" -> label instanceof String text && text.indexOf('\0') < 0;
                        case "integer" -> label instanceof Long;
                        case "boolean" -> label instanceof Boolean;
                        case "float" -> label instanceof Double number && Double.isFinite(number);
                        default -> false;
                    };
            Require.that(
                    isRight,
                    "classes must be of label_type %s, and finite, however: %s",
                    CellRule.quoted(labelType),
                    CellRule.quoted(value));
            classes.add(label);
            classTexts.add(
                    label instanceof Boolean is
                            ? (is ? "True" : "False")
                            : label instanceof Double number
                                    ? CellRule.repr(number)
                                    : label.toString());
        }
        for (int i = 1; i < classes.size(); i++) {
            boolean isRising = compare(classes.get(i - 1), classes.get(i)) < 0;
            Require.that(
                    isRising,
                    "classes must be strictly increasing, however: %s is not more than the one"
                            + " before",
                    CellRule.quoted(classes.get(i)));
        }
    }

    private static int compare(Object a, Object b) {
        if (a instanceof Long number) return number.compareTo((Long) b);
        if (a instanceof Boolean is) return is.compareTo((Boolean) b);
        if (a instanceof Double number)
            return number + 0.0 < (Double) b ? -1 : 1; // 0.0 and -0.0 are equal
        return Arrays.compareUnsigned(
                ((String) a).getBytes(StandardCharsets.UTF_8),
                ((String) b).getBytes(StandardCharsets.UTF_8));
    }

    private Column readColumn(Object value) {
        Map<String, Object> fields = Json.object(value, "a column");
        String name = Json.entry(fields, "name", String.class, "a column");
        Require.that(
                name.indexOf('\0') < 0, "names of columns must have no U+0000, however: one has");
        String where = CellRule.quoted(name);
        String type = Json.entry(fields, "type", String.class, where);
        boolean used = Json.entry(fields, "used", Boolean.class, where);
        boolean missing = Json.entry(fields, "missing_in_training", Boolean.class, where);
        CellRule rule = readRule(fields, type, where);
        List<Input> inputs = readInputs(fields, type, where);
        if (!type.equals("category")) {
            boolean isRight =
                    !fields.containsKey("categories")
                            && (used || !missing)
                            && (rule != null || !used);
            Require.that(
                    isRight,
                    "%s, of type %s, must have no categories, and used and missing_in_training that"
                            + " fit, however: it has not",
                    where,
                    type);
            return new Column(name, type, used, missing, Set.of(), rule, inputs);
        }
        Set<String> categories = Json.texts(fields, "categories", where);
        for (String category : categories) {
            Require.that(
                    rule.readText(category).text().equals(category),
                    "categories of %s must be as cells are read, however: %s",
                    where,
                    CellRule.quoted(category));
        }
        boolean isRight = used == !categories.isEmpty() && missing == categories.contains("");
        Require.that(
                isRight,
                "used and missing_in_training of %s must fit its categories, however: they do not",
                where);
        return new Column(name, type, used, missing, categories, rule, inputs);
    }

    static CellRule readRule(Map<String, Object> fields, String type, String where) {
        Json.oneOf(type, "type", where, "number", "boolean", "date", "category", "ignored");
        if (type.equals("ignored")) return null;
        Set<String> missing = Json.texts(fields, "missing", where);
        for (String marker : missing) {
            Require.that(
                    CellRule.trimmed(marker, CellRule.WHITE).equals(marker),
                    "missing of %s must be trimmed, however: %s",
                    where,
                    CellRule.quoted(marker));
        }
        switch (type) {
            case "boolean":
                return CellRule.bool(missing);
            case "date":
                return CellRule.date(
                        missing,
                        Json.oneOf(
                                Json.entry(fields, "pattern", String.class, where),
                                "pattern",
                                where,
                                "ymd",
                                "dmy",
                                "mdy",
                                "time"));
            case "category":
                return CellRule.category(
                        missing, Json.entry(fields, "integers", Boolean.class, where));
            default:
                String decimal =
                        Json.oneOf(
                                Json.entry(fields, "decimal", String.class, where),
                                "decimal",
                                where,
                                ".",
                                ",");
                String group =
                        Json.oneOf(
                                Json.entry(fields, "group", String.class, where),
                                "group",
                                where,
                                "",
                                ",",
                                ".",
                                "'",
                                "\u2019",
                                " ");
                Require.that(
                        !decimal.equals(group),
                        "decimal and group of %s must differ, however: they are the same",
                        where);
                String affix = Json.entry(fields, "affix", String.class, where);
                boolean isTrimmed =
                        CellRule.trimmed(affix, CellRule.WHITE + "\u00a0\u202f").equals(affix)
                                && affix.indexOf('\0') < 0;
                Require.that(
                        isTrimmed,
                        "affix of %s must be trimmed, however: %s",
                        where,
                        CellRule.quoted(affix));
                return CellRule.number(
                        missing,
                        decimal,
                        group,
                        affix,
                        Json.entry(fields, "percent", Boolean.class, where));
        }
    }

    private List<Input> readInputs(Map<String, Object> fields, String type, String where) {
        List<?> values = Json.list(fields, "inputs", where);
        int fewest = type.equals("ignored") ? 0 : 1;
        int most = type.equals("date") ? 4 : fewest;
        Require.that(
                values.size() >= fewest && values.size() <= most,
                "inputs of %s must be %d to %d, however: %d",
                where,
                fewest,
                most,
                values.size());
        String matrix = type.equals("category") ? "categorical" : "numeric";
        String[] parts =
                type.equals("date")
                        ? new String[] {"days", "month", "weekday", "hour"}
                        : new String[] {"value"};
        List<Input> inputs = new ArrayList<>();
        for (Object value : values) {
            Map<String, Object> input = Json.object(value, "inputs of " + where);
            Json.oneOf(Json.entry(input, "input", String.class, where), "inputs", where, matrix);
            int next = counts.get(matrix);
            boolean isNext =
                    Json.entry(input, "position", Json.Digits.class, where).toLong("positions")
                            == next;
            Require.that(isNext, "position of %s must be %d, however: it is not", where, next);
            counts.put(matrix, next + 1);
            String part = "value";
            double offset = 0;
            if (matrix.equals("numeric")) {
                part =
                        Json.oneOf(
                                Json.entry(input, "part", String.class, where),
                                "part",
                                where,
                                parts);
                offset = Json.entry(input, "offset", Json.Digits.class, where).toDouble();
                Require.that(
                        Double.isFinite(offset),
                        "offset of %s must be finite, however: it is not",
                        where);
            }
            inputs.add(new Input(matrix, next, part, offset));
        }
        Require.that(
                inputs.stream().map(Input::part).distinct().count() == inputs.size(),
                "parts of %s must be unique, however: one comes twice",
                where);
        return inputs;
    }
}
