package mothernet;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Answers tests/examples/test_csv_readers_agree.py: in the first file, each CSV file is preceded by
 * the length of its options, these, and its length; for each the cells or an error go to the
 * second.
 */
final class ReadAll {
    private ReadAll() {}

    public static void main(String[] paths) throws Exception {
        ByteBuffer data =
                ByteBuffer.wrap(Files.readAllBytes(Path.of(paths[0])))
                        .order(ByteOrder.LITTLE_ENDIAN);
        Gson gson = new GsonBuilder().disableHtmlEscaping().create();
        List<String> answers = new ArrayList<>();
        while (data.hasRemaining()) {
            Map<String, Object> given =
                    Json.parse(new String(next(data), StandardCharsets.UTF_8), "options");
            try {
                CsvTable table =
                        CsvTable.read(
                                next(data),
                                (String) given.get("delimiter"),
                                (String) given.get("encoding"));
                answers.add(
                        gson.toJson(
                                Map.of(
                                        "names",
                                        table.names(),
                                        "rows",
                                        table.rows(),
                                        "lines",
                                        table.lines())));
            } catch (IllegalArgumentException error) {
                answers.add(gson.toJson(Map.of("error", error.getMessage())));
            }
        }
        Files.write(Path.of(paths[1]), answers, StandardCharsets.UTF_8);
    }

    private static byte[] next(ByteBuffer data) {
        byte[] content = new byte[data.getInt()];
        data.get(content);
        return content;
    }
}
