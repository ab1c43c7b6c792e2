package mothernet;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

/**
 * Predicts with a MotherNet .onnx file: raw rows in, typed labels and probabilities out.
 *
 * <p>What a file holds and how cells are read: FORMAT.md. The other classes are the details of
 * that; this one is the model, its session and its answers. It may be shared by threads. What is
 * refused is an IllegalArgumentException.
 */
public final class MotherNet implements AutoCloseable {
    private static final int BATCH_ROWS = 1_000;
    private static final int MIN_ROWS = 5; // fewer may be odd by chance

    /**
     * The answer to one row: a String, Long, Boolean or Double, and numbers in the order of {@link
     * #classes}.
     */
    public record Prediction(Object label, float[] probabilities) {}

    /** A cell that does not fit its column. */
    public static final class CellException extends IllegalArgumentException {
        private static final long serialVersionUID = 1;
        public final int row;
        public final String column;

        CellException(int row, String column, String problem) {
            super("column " + CellRule.quoted(column) + " " + problem);
            this.row = row;
            this.column = column;
        }
    }

    private final Container container;
    private final Schema schema;
    private final OrtSession session;
    private final Map<String, Schema.Column> known = new LinkedHashMap<>(); // by trimmed names
    private Consumer<String> onWarning = message -> {};
    private boolean ignoreExtra;

    private MotherNet(byte[] data) throws OrtException {
        Require.that(data.length > 0, "the file must be an ONNX file, however: it is empty");
        container = new Container(data);
        schema = new Schema(container.metadata);
        schema.columns.forEach(column -> known.put(trimmed(column.name()), column));
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            session = environment().createSession(data, options);
        }
    }

    /** Opens and checks a file. */
    public static MotherNet load(Path path) throws IOException, OrtException {
        MotherNet model = new MotherNet(Files.readAllBytes(path));
        try {
            model.checkGraph();
            new SelfTest(model, model.schema)
                    .check(
                            Json.parse(
                                    model.container.metadata.get("mothernet.self_test"),
                                    "the self-test"));
            return model;
        } catch (OrtException | RuntimeException error) {
            model.close();
            throw error;
        }
    }

    private static OrtEnvironment environment() {
        return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "mothernet");
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }

    /** Who hears of rows that look otherwise than those of training. */
    public void onWarning(Consumer<String> listener) {
        onWarning = listener;
    }

    /** Whether rows may have columns that the model does not know. */
    public void ignoreExtra(boolean ignore) {
        ignoreExtra = ignore;
    }

    /** The classes, typed, in the order of the probabilities. */
    public List<Object> classes() {
        return List.copyOf(schema.classes);
    }

    /** The same as CSV files and the graph write them. */
    public List<String> classTexts() {
        return List.copyOf(schema.classTexts);
    }

    /**
     * Answers rows, each a map from names of columns to raw cells: text, numbers, booleans, dates,
     * null where missing.
     */
    public List<Prediction> predict(List<? extends Map<String, ?>> rows) throws OrtException {
        Set<String> read =
                schema.columns.stream()
                        .filter(column -> !column.isIgnored())
                        .map(Schema.Column::name)
                        .collect(Collectors.toSet());
        for (int i = 0; i < rows.size(); i++) {
            if (rows.get(i).keySet().equals(read)) continue;
            try {
                checkNames(rows.get(i).keySet());
            } catch (IllegalArgumentException error) {
                throw new IllegalArgumentException("row " + i + ": " + error.getMessage());
            }
        }
        return predict(rows.size(), column -> row -> rows.get(row).get(column.name()));
    }

    /** Answers rows of cells as a CSV file has them, below names that are trimmed. */
    public List<Prediction> predict(List<String> names, List<String[]> rows) throws OrtException {
        checkNames(names);
        return predict(
                rows.size(),
                column -> {
                    int at = names.indexOf(trimmed(column.name()));
                    return row -> rows.get(row)[at];
                });
    }

    /**
     * Refuses names that are not those of the columns, in any order; ignored ones may be absent,
     * and others there after {@link #ignoreExtra}.
     */
    public void checkNames(Collection<String> names) {
        List<String> given = names.stream().map(MotherNet::trimmed).toList();
        Set<String> distinct = Set.copyOf(given);
        Map<String, List<String>> problems = new LinkedHashMap<>();
        problems.put(
                "missing",
                known.keySet().stream()
                        .filter(name -> !known.get(name).isIgnored() && !distinct.contains(name))
                        .toList());
        List<String> unknown = given.stream().filter(name -> !known.containsKey(name)).toList();
        if (!ignoreExtra) problems.put("unknown", unknown);
        if (distinct.size() < given.size()) {
            Map<String, Long> counts =
                    given.stream()
                            .collect(Collectors.groupingBy(name -> name, Collectors.counting()));
            problems.put(
                    "repeated",
                    (ignoreExtra ? known.keySet() : distinct)
                            .stream().filter(name -> counts.getOrDefault(name, 0L) > 1).toList());
        }
        problems.values().removeIf(List::isEmpty);
        if (problems.isEmpty()) return;
        String found =
                problems.entrySet().stream()
                        .map(each -> each.getKey() + ": " + listed(each.getValue()))
                        .collect(Collectors.joining("; "));
        throw new IllegalArgumentException(
                "the rows must have the "
                        + known.size()
                        + " columns "
                        + listed(known.keySet())
                        + ", however: "
                        + found);
    }

    private static String trimmed(String name) {
        return CellRule.trimmed(name, CellRule.WHITE);
    }

    private static String listed(Collection<String> names) {
        String some =
                names.stream().limit(12).map(CellRule::quoted).collect(Collectors.joining(", "));
        return names.size() > 12 ? some + ", ..." : some;
    }

    /**
     * Reads the cells of all rows, then runs the session on some rows at a time; {@code cells}
     * gives those of a column.
     */
    private List<Prediction> predict(int count, Function<Schema.Column, IntFunction<?>> cells)
            throws OrtException {
        int numbers = schema.counts.getOrDefault("numeric", 0);
        int texts = schema.counts.getOrDefault("categorical", 0);
        float[][] numeric = new float[count][numbers];
        String[][] categorical = new String[count][texts];
        for (Schema.Column column : schema.columns) {
            if (!column.isIgnored())
                readColumn(column, count, cells.apply(column), numeric, categorical);
        }
        List<Prediction> answers = new ArrayList<>(count);
        for (int start = 0; start < count; start += BATCH_ROWS) {
            int end = Math.min(start + BATCH_ROWS, count);
            run(
                    Arrays.copyOfRange(numeric, start, end),
                    Arrays.copyOfRange(categorical, start, end),
                    answers);
        }
        return answers;
    }

    private void readColumn(
            Schema.Column column,
            int count,
            IntFunction<?> cells,
            float[][] numeric,
            String[][] categorical) {
        int missing = 0;
        int unseen = 0;
        String example = "";
        boolean isCategory = column.type().equals("category");
        for (int row = 0; row < count; row++) {
            CellRule.Value value;
            try {
                value = column.rule().read(cells.apply(row));
            } catch (IllegalArgumentException error) {
                throw new CellException(row, column.name(), error.getMessage());
            }
            for (Schema.Input input : column.inputs()) {
                if (isCategory)
                    categorical[row][input.position()] = container.forGraph(value.text());
                else
                    numeric[row][input.position()] =
                            (float) (Dates.part(value.number(), input.part()) - input.offset());
            }
            if (isCategory ? value.text().isEmpty() : Double.isNaN(value.number())) {
                missing++;
            } else if (isCategory && !column.categories().contains(value.text())) {
                unseen++;
                example = value.text();
            }
        }
        if (count < MIN_ROWS || !column.used()) return;
        String name = CellRule.quoted(column.name());
        if (missing == count && !column.missingInTraining()) {
            onWarning.accept(
                    "in column " + name + " all cells are missing, as none was in training");
        }
        if (2 * unseen > count) {
            onWarning.accept(
                    unseen
                            + " of "
                            + count
                            + " cells of column "
                            + name
                            + " are categories that the model does not know, such as "
                            + CellRule.quoted(example));
        }
    }

    /**
     * Makes one call of the session and adds its answers. The label is that of the largest
     * probability, the first of equals.
     */
    private void run(float[][] numeric, String[][] categorical, List<Prediction> answers)
            throws OrtException {
        int count = numeric.length;
        int classes = schema.classes.size();
        Map<String, OnnxTensor> inputs = new HashMap<>();
        try {
            if (numeric[0].length > 0) {
                FloatBuffer flat = FloatBuffer.allocate(count * numeric[0].length);
                for (float[] row : numeric) flat.put(row);
                inputs.put(
                        "numeric",
                        OnnxTensor.createTensor(
                                environment(),
                                flat.rewind(),
                                new long[] {count, numeric[0].length}));
            }
            if (categorical[0].length > 0)
                inputs.put("categorical", OnnxTensor.createTensor(environment(), categorical));
            try (OrtSession.Result result = session.run(inputs, Set.of("probabilities"))) {
                Require.that(
                        result.get(0) instanceof OnnxTensor,
                        "answers of the model must be a tensor, however: they are none");
                FloatBuffer flat = ((OnnxTensor) result.get(0)).getFloatBuffer();
                boolean isRight = flat != null && flat.remaining() == count * classes;
                Require.that(
                        isRight,
                        "the model must give %d rows of %d probabilities, however: others",
                        count,
                        classes);
                for (int row = 0; row < count; row++) {
                    float[] probabilities = new float[classes];
                    flat.get(probabilities);
                    int largest = 0;
                    for (int i = 1; i < classes; i++) {
                        if (probabilities[i] > probabilities[largest]) largest = i;
                    }
                    answers.add(new Prediction(schema.classes.get(largest), probabilities));
                }
            }
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
    }

    /** What the graph takes and gives must follow from the schema. */
    private void checkGraph() throws OrtException {
        Map<String, String> inputs = new LinkedHashMap<>();
        schema.counts.forEach(
                (name, columns) ->
                        inputs.put(
                                name,
                                (name.equals("numeric") ? "FLOAT" : "STRING")
                                        + " [-1, "
                                        + columns
                                        + "]"));
        Map<String, String> outputs = new LinkedHashMap<>();
        outputs.put("label", schema.labelType.equals("integer") ? "INT64 [-1]" : "STRING [-1]");
        outputs.put("probabilities", "FLOAT [-1, " + schema.classes.size() + "]");
        for (var each :
                List.of(
                        Map.entry(inputs, session.getInputInfo()),
                        Map.entry(outputs, session.getOutputInfo()))) {
            String wanted = each.getKey().toString();
            String found = described(each.getValue()).toString();
            Require.that(
                    wanted.equals(found),
                    "inputs and outputs of the graph must fit the schema: %s, however: %s",
                    wanted,
                    found);
        }
    }

    private static Map<String, String> described(Map<String, NodeInfo> nodes) {
        Map<String, String> found = new LinkedHashMap<>();
        nodes.forEach(
                (name, node) ->
                        found.put(
                                name,
                                node.getInfo() instanceof TensorInfo tensor
                                        ? (tensor.type == OnnxJavaType.FLOAT
                                                        ? "FLOAT"
                                                        : tensor.type)
                                                + " "
                                                + Arrays.toString(tensor.getShape())
                                        : "no tensor"));
        return found;
    }
}
