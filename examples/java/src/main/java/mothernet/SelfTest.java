package mothernet;

import ai.onnxruntime.OrtException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The self-test of a file: section 6 of FORMAT.md. */
final class SelfTest {
    private final MotherNet model;
    private final Schema schema;

    SelfTest(MotherNet model, Schema schema) {
        this.model = model;
        this.schema = schema;
    }

    /** Compares the answers to the rows that the file holds with those recorded beside them. */
    void check(Map<String, Object> test) throws OrtException {
        Map<String, Object> columns = Json.object(test.get("columns"), "columns of the self-test");
        List<?> labels = Json.list(test, "labels", "the self-test");
        List<?> wanted = Json.list(test, "probabilities", "the self-test");
        int count = labels.size();
        Require.that(
                count >= 1 && count <= 8 && wanted.size() == count,
                "the self-test must have 1 to 8 rows, however: %d",
                count);
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) rows.add(new HashMap<>());
        for (String name : columns.keySet()) {
            List<?> cells = Json.list(columns, name, "the self-test");
            cells.forEach(
                    cell ->
                            Require.that(
                                    isOfType(cell, name),
                                    "column %s of the self-test must hold cells of its type,"
                                            + " however: %s",
                                    CellRule.quoted(name),
                                    CellRule.quoted(cell)));
            Require.that(
                    cells.size() == count,
                    "column %s of the self-test must have %d cells, however: %d",
                    CellRule.quoted(name),
                    count,
                    cells.size());
            for (int row = 0; row < count; row++) {
                rows.get(row)
                        .put(
                                name,
                                cells.get(row) instanceof Json.Digits digits
                                        ? (Object) digits.toDouble()
                                        : cells.get(row));
            }
        }
        List<MotherNet.Prediction> answers = model.predict(rows);
        for (int row = 0; row < count; row++) {
            double[] stored = new double[schema.classes.size()];
            boolean isRight =
                    wanted.get(row) instanceof List<?> numbers && numbers.size() == stored.length;
            Require.that(
                    isRight,
                    "the self-test must have %d probabilities per row, however: others",
                    stored.length);
            double sum = 0;
            for (int i = 0; i < stored.length; i++) {
                Object number = ((List<?>) wanted.get(row)).get(i);
                stored[i] = number instanceof Json.Digits digits ? digits.toDouble() : Double.NaN;
                float probability = answers.get(row).probabilities()[i];
                boolean isNear = Math.abs(probability - stored[i]) <= 1e-5 && probability >= 0;
                Require.that(
                        isNear,
                        "row %d of the self-test must have the probability %s, however: %s",
                        row,
                        stored[i],
                        probability);
                sum += probability;
            }
            Require.that(
                    Math.abs(sum - 1) <= 1e-3,
                    "probabilities of the self-test must sum to 1, however: %s",
                    sum);
            checkLabel(row, labels.get(row), answers.get(row).label(), stored);
        }
    }

    private boolean isOfType(Object cell, String name) {
        String type =
                schema.columns.stream()
                        .filter(column -> column.name().equals(name))
                        .map(Schema.Column::type)
                        .findAny()
                        .orElse("");
        if (cell == null || type.equals("ignored")) return true;
        boolean isText = type.equals("date") || type.equals("category");
        if (cell instanceof String text) return isText || text.equals("inf") || text.equals("-inf");
        return !isText
                && (cell instanceof Json.Digits
                        || cell instanceof Boolean && type.equals("boolean"));
    }

    /**
     * Wants the recorded label, or that of any class that is as probable where the two largest are
     * (nearly) equal.
     */
    private void checkLabel(int row, Object recorded, Object label, double[] stored) {
        boolean isText = recorded instanceof String;
        int at =
                schema.classTexts.indexOf(
                        recorded instanceof Json.Digits digits
                                ? digits.text()
                                : String.valueOf(recorded));
        Require.that(
                at >= 0 && isText != schema.labelType.equals("integer"),
                "labels of the self-test must be classes, however: %s",
                recorded);
        double[] sorted = stored.clone();
        Arrays.sort(sorted);
        double largest = sorted[sorted.length - 1];
        boolean isTie = largest - sorted[sorted.length - 2] <= 1e-3;
        int found = schema.classes.indexOf(label);
        boolean isRight = found == at || isTie && stored[found] >= largest - 2e-5;
        Require.that(
                isRight,
                "row %d of the self-test must have the label %s, however: %s",
                row,
                recorded,
                label);
    }
}
