package mothernet;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Strict JSON, as the metadata of a file may be hostile, and what its entries must be. */
final class Json {
    private static final int MAX_NESTING = 32;

    private Json() {}

    /** A number of JSON as it is written: an integer may need 64 bits. */
    record Digits(String text) {
        double toDouble() {
            return Double.parseDouble(text);
        }

        /** The integer, refused unless it is one and fits. */
        long toLong(String what) {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException error) {
                throw new IllegalArgumentException(
                        what
                                + " must be integers within 64 bits, however: "
                                + CellRule.quoted(text));
            }
        }
    }

    /**
     * A JSON object in which no key comes twice, numbers stay texts, and nothing nests deeper than
     * 32 levels.
     */
    static Map<String, Object> parse(String json, String what) {
        try (JsonReader reader = new JsonReader(new StringReader(json))) {
            reader.setStrictness(Strictness.STRICT);
            Map<String, Object> found = object(parse(reader, 0), what);
            Require.that(
                    reader.peek() == JsonToken.END_DOCUMENT,
                    "text must not follow the object, however: it does");
            return found;
        } catch (IOException
                | IllegalArgumentException
                | IllegalStateException
                | JsonParseException error) {
            throw new IllegalArgumentException(
                    what + " must be JSON, however: " + error.getMessage());
        }
    }

    private static Object parse(JsonReader reader, int level) throws IOException {
        Require.that(
                level <= MAX_NESTING,
                "it must nest at most %d levels, however: it nests more",
                MAX_NESTING);
        switch (reader.peek()) {
            case BEGIN_OBJECT:
                Map<String, Object> fields = new LinkedHashMap<>();
                for (reader.beginObject(); reader.hasNext(); ) {
                    String key = whole(reader.nextName());
                    Require.that(
                            !fields.containsKey(key),
                            "keys must be unique, however: %s comes twice",
                            CellRule.quoted(key));
                    fields.put(key, parse(reader, level + 1));
                }
                reader.endObject();
                return fields;
            case BEGIN_ARRAY:
                List<Object> values = new ArrayList<>();
                for (reader.beginArray(); reader.hasNext(); ) values.add(parse(reader, level + 1));
                reader.endArray();
                return values;
            case STRING:
                return whole(reader.nextString());
            case NUMBER:
                return new Digits(reader.nextString());
            case BOOLEAN:
                return reader.nextBoolean();
            default:
                reader.nextNull();
                return null;
        }
    }

    /** A text, refused if it has half of a character. */
    private static String whole(String text) {
        boolean isWhole =
                text.codePoints()
                        .noneMatch(
                                code ->
                                        code >= Character.MIN_SURROGATE
                                                && code <= Character.MAX_SURROGATE);
        Require.that(isWhole, "texts must be valid, however: one has a lone surrogate");
        return text;
    }

    /** The value of a key that must be there and of one type. */
    static <T> T entry(Map<String, Object> fields, String key, Class<T> type, String where) {
        Require.that(
                fields.containsKey(key),
                "%s must have the key %s, however: it is missing",
                where,
                key);
        Object value = fields.get(key);
        Require.that(
                type.isInstance(value),
                "%s of %s must be of another type, however: %s",
                key,
                where,
                CellRule.quoted(value));
        return type.cast(value);
    }

    static List<?> list(Map<String, Object> fields, String key, String where) {
        return entry(fields, key, List.class, where);
    }

    static Map<String, Object> object(Object value, String what) {
        Require.that(
                value instanceof Map,
                "%s must be an object, however: %s",
                what,
                CellRule.quoted(value));
        Map<String, Object> fields = new HashMap<>();
        ((Map<?, ?>) value).forEach((key, each) -> fields.put((String) key, each));
        return fields;
    }

    static Set<String> texts(Map<String, Object> fields, String key, String where) {
        Set<String> found = new HashSet<>();
        for (Object value : list(fields, key, where)) {
            boolean isText = value instanceof String text && text.indexOf('\0') < 0;
            Require.that(
                    isText,
                    "%s of %s must be strings without U+0000, however: %s",
                    key,
                    where,
                    CellRule.quoted(value));
            Require.that(
                    found.add((String) value),
                    "%s of %s must be unique, however: %s comes twice",
                    key,
                    where,
                    CellRule.quoted(value));
        }
        return found;
    }

    static String oneOf(String value, String key, String where, String... choices) {
        boolean isThere = Arrays.asList(choices).contains(value);
        Require.that(
                isThere,
                "%s of %s must be one of %s, however: %s",
                key,
                where,
                Arrays.toString(choices),
                CellRule.quoted(value));
        return value;
    }
}
