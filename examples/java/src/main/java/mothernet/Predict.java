package mothernet;

import ai.onnxruntime.OrtException;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Predicts the rows of a CSV file: {@code predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding
 * NAME] [--ignore-extra]}.
 *
 * <p>Cells go in as they are written: what they mean, and all preprocessing, is inside the file.
 */
public final class Predict {
    private static final String USAGE =
            "usage: predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME]"
                    + " [--ignore-extra]";

    private Predict() {}

    public static void main(String[] arguments) {
        try {
            write(run(arguments).getBytes(StandardCharsets.UTF_8));
        } catch (IOException | OrtException | IllegalArgumentException error) {
            fail(error.getMessage());
        } catch (OutOfMemoryError error) {
            fail("the rows must fit into memory, however: they do not. Give java more with -Xmx");
        }
    }

    private static String run(String[] arguments) throws IOException, OrtException {
        List<String> paths = new ArrayList<>();
        Map<String, String> options = new HashMap<>();
        boolean ignoreExtra = false;
        for (int i = 0; i < arguments.length; i++) {
            if (!arguments[i].startsWith("--")) paths.add(arguments[i]);
            else if (arguments[i].equals("--ignore-extra")) ignoreExtra = true;
            else if (List.of("--delimiter", "--encoding").contains(arguments[i])
                    && i + 1 < arguments.length) options.put(arguments[i], arguments[++i]);
            else throw new IllegalArgumentException(USAGE);
        }
        if (paths.size() != 2) throw new IllegalArgumentException(USAGE);
        String place = paths.get(0);
        try (MotherNet model = MotherNet.load(Path.of(place))) {
            place = paths.get(1);
            model.ignoreExtra(ignoreExtra);
            model.onWarning(
                    message ->
                            say(
                                    "warning: "
                                            + message
                                            + ". Check that the rows are written as in training."));
            CsvTable table =
                    CsvTable.read(
                            Files.readAllBytes(Path.of(place)),
                            options.get("--delimiter"),
                            options.get("--encoding"));
            try {
                return toCsv(model, model.predict(table.names(), table.rows()));
            } catch (MotherNet.CellException error) {
                throw new IllegalArgumentException(
                        "line " + table.lines().get(error.row) + ": " + error.getMessage());
            }
        } catch (NoSuchFileException error) {
            throw new IllegalArgumentException(place + ": there is no such file");
        } catch (AccessDeniedException error) {
            throw new IllegalArgumentException(place + ": the file may not be read");
        } catch (IOException | IllegalArgumentException error) {
            throw new IllegalArgumentException(place + ": " + error.getMessage());
        }
    }

    /** System.out would be silent about a full disk. */
    private static void write(byte[] output) {
        try (FileOutputStream stream = new FileOutputStream(FileDescriptor.out)) {
            stream.write(output);
        } catch (IOException error) {
            fail("the predictions must be written, however: " + error.getMessage());
        }
    }

    private static String toCsv(MotherNet model, List<MotherNet.Prediction> predictions) {
        StringBuilder output = new StringBuilder("label");
        Map<Object, String> labels = new HashMap<>();
        for (int i = 0; i < model.classes().size(); i++) {
            labels.put(model.classes().get(i), csvCell(model.classTexts().get(i)));
            output.append(',').append(csvCell("probability_" + model.classTexts().get(i)));
        }
        output.append('\n');
        for (MotherNet.Prediction each : predictions) {
            output.append(labels.get(each.label()));
            for (float probability : each.probabilities()) output.append(',').append(probability);
            output.append('\n');
        }
        return output.toString();
    }

    private static String csvCell(String text) {
        boolean isPlain = text.chars().noneMatch(sign -> ",\"\r\n".indexOf(sign) >= 0);
        return isPlain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }

    private static void fail(String message) {
        say("error: " + message);
        System.exit(2);
    }

    private static void say(String message) {
        byte[] line =
                ("predict: " + String.valueOf(message).replaceAll("\\s+", " ") + "\n")
                        .getBytes(StandardCharsets.UTF_8);
        System.err.write(line, 0, line.length);
        System.err.flush();
    }
}
