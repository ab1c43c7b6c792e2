package mothernet;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The ONNX container, checked before onnxruntime sees it: sections 1 and 8 of FORMAT.md.
 *
 * <p>An .onnx file is a protobuf message: a list of numbered fields, some of which hold messages
 * again. Those numbers cannot change without breaking every ONNX reader, so the few lines at the
 * end of this file need no protobuf library.
 *
 * <p>onnxruntime's Java API passes strings as the JVM writes them, in which a character beyond
 * U+FFFF has six bytes and not the four of UTF-8: metadata with one comes back garbled, and a
 * category with one is never found. So metadata is read here, and in the graph such a character of
 * a category becomes NUL and a second character ({@link #forGraph}), which have four bytes too.
 */
final class Container {
    private static final Set<String> DOMAINS = Set.of("", "ai.onnx", "ai.onnx.ml");
    private static final Set<String> OPERATORS =
            Set.of(
                    """
Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather
GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean
ReduceMin ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt
Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor
ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
OneHotEncoder Scaler
"""
                            .split("\\s+"));
    private static final String NO_ONNX =
            "the file must be an ONNX file, however: it is none, or cut off";
    private static final int FIRST_PLACEHOLDER = 0x80; // to U+07FF: two bytes, as NUL has in Java

    final Map<String, String> metadata = new HashMap<>();
    private final byte[] data;
    private final Map<Integer, Character> placeholders = new HashMap<>();

    /** Where a field's content lies. */
    private record Span(int start, int end) {}

    Container(byte[] data) {
        this.data = data;
        Span file = new Span(0, data.length);
        for (Span entry : fields(file, 14)) {
            String key = text(one(entry, 1));
            Require.that(
                    metadata.put(key, text(one(entry, 2))) == null,
                    "keys of the metadata must be unique, however: %s comes twice",
                    key);
        }
        String format = metadata.get("mothernet.format");
        Require.that(
                format != null,
                "the file must be an ONNX file of MotherNet, however: its metadata has no"
                        + " mothernet.format");
        Require.that(
                format.equals("2"),
                "the format must be 2, the only one known here, however: %s",
                CellRule.quoted(format));
        String form = metadata.getOrDefault("mothernet.form", "full");
        Require.that(
                form.equals("full"),
                "the form must be full, however: %s. Export the file without --form",
                CellRule.quoted(form));
        for (String key : List.of("schema", "schema_hash", "graph_hash", "versions", "self_test")) {
            Require.that(
                    metadata.containsKey("mothernet." + key),
                    "the metadata must have the key mothernet.%s, however: it is missing",
                    key);
        }
        byte[] schema = metadata.get("mothernet.schema").getBytes(StandardCharsets.UTF_8);
        boolean isRight =
                hash(schema, 0, schema.length).equals(metadata.get("mothernet.schema_hash"));
        Require.that(isRight, "the schema must match its hash, however: it does not");
        Require.that(
                fields(file, 25).isEmpty(), "the model must define no function, however: it does");
        List<Span> graphs = fields(file, 7);
        Require.that(
                graphs.size() == 1,
                "the file must be an ONNX file with one graph, however: it has %d",
                graphs.size());
        Span graph = graphs.get(0);
        fields(file, 8).forEach(set -> checkDomain(one(set, 1)));
        List<Span> strings = new ArrayList<>();
        checkGraph(graph, strings);
        isRight =
                hash(data, graph.start, graph.end - graph.start)
                        .equals(metadata.get("mothernet.graph_hash"));
        Require.that(isRight, "the graph must match its hash, however: it does not");
        strings.forEach(this::replaceCharacters);
    }

    /** A category as the graph of {@link #data} knows it. */
    String forGraph(String category) {
        if (category.codePoints().noneMatch(Character::isSupplementaryCodePoint)) return category;
        StringBuilder text = new StringBuilder();
        category.codePoints()
                .forEach(
                        code -> {
                            if (placeholders.containsKey(code))
                                text.append('\0').append(placeholders.get(code));
                            else text.appendCodePoint(code);
                        });
        return text.toString();
    }

    /**
     * No operators but those that a file may use, no subgraphs, no data in other files; adds where
     * texts lie.
     */
    private void checkGraph(Span graph, List<Span> strings) {
        Require.that(
                fields(graph, 15).isEmpty(),
                "the graph must have no sparse tensor, however: it has");
        List<Span> tensors = fields(graph, 5);
        for (Span node : fields(graph, 1)) {
            checkDomain(one(node, 7));
            for (Span attribute : fields(node, 5)) {
                boolean isFlat = fields(attribute, 6).isEmpty() && fields(attribute, 11).isEmpty();
                Require.that(isFlat, "the graph must have no subgraph, however: it has");
                tensors.addAll(fields(attribute, 5));
                strings.addAll(fields(attribute, 9));
            }
            String operator = text(one(node, 4));
            Require.that(
                    OPERATORS.contains(operator),
                    "operators must be those that FORMAT.md lists, however: %s",
                    CellRule.quoted(operator));
        }
        for (Span tensor : tensors) {
            Require.that(
                    fields(tensor, 13).isEmpty(),
                    "the model must have no external data, however: it has");
            strings.addAll(fields(tensor, 6));
        }
    }

    private void checkDomain(Span name) {
        String domain = text(name);
        Require.that(
                DOMAINS.contains(domain),
                "operators must be of ai.onnx or ai.onnx.ml, however: %s",
                CellRule.quoted(domain));
    }

    /** Puts, in place, NUL and a placeholder where a text has a character of four bytes. */
    private void replaceCharacters(Span span) {
        text(span);
        for (int i = span.start; i < span.end; i++) {
            if ((data[i] & 0xf8) != 0xf0) continue;
            int code = new String(data, i, 4, StandardCharsets.UTF_8).codePointAt(0);
            char next = (char) (FIRST_PLACEHOLDER + placeholders.size());
            Require.that(
                    next < 0x800,
                    "categories must have at most 1,920 characters beyond U+FFFF, however: they"
                            + " have more");
            char placeholder = placeholders.computeIfAbsent(code, key -> next);
            data[i] = (byte) 0xc0;
            data[i + 1] = (byte) 0x80;
            data[i + 2] = (byte) (0xc0 | placeholder >> 6);
            data[i + 3] = (byte) (0x80 | placeholder & 0x3f);
        }
    }

    private static String hash(byte[] data, int start, int length) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(data, start, length);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every JVM has it
        }
    }

    private String text(Span span) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(data, span.start, span.end - span.start))
                    .toString();
        } catch (CharacterCodingException error) {
            throw new IllegalArgumentException(
                    "texts in the model must be UTF-8, however: one is not");
        }
    }

    /** The first content of a field, nothing if it is not there. */
    private Span one(Span message, int wanted) {
        List<Span> found = fields(message, wanted);
        return found.isEmpty() ? new Span(0, 0) : found.get(0);
    }

    /**
     * The contents of all fields of one number in a protobuf message; that of a bare number is
     * empty.
     */
    private List<Span> fields(Span message, int wanted) {
        List<Span> found = new ArrayList<>();
        int[] position = {message.start};
        while (position[0] < message.end) {
            long key = varint(position, message.end);
            long size =
                    switch ((int) (key & 7)) {
                        case 0 -> 0 * varint(position, message.end);
                        case 1 -> 8;
                        case 2 -> varint(position, message.end);
                        case 5 -> 4;
                        default -> -1;
                    };
            Require.that(size >= 0 && size <= message.end - position[0], NO_ONNX);
            if (key >>> 3 == wanted) found.add(new Span(position[0], position[0] + (int) size));
            position[0] += (int) size;
        }
        return found;
    }

    private long varint(int[] position, int end) {
        long value = 0;
        for (int shift = 0; shift < 70 && position[0] < end; shift += 7) {
            byte bits = data[position[0]++];
            if (shift < 64) value |= (long) (bits & 127) << shift;
            if (bits >= 0) return value;
        }
        throw new IllegalArgumentException(NO_ONNX);
    }
}
