package mothernet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The conformance cases of the repository, with their typed rows, and its table of cells. */
class ConformanceTest {
    private static final Path CONFORMANCE = Path.of("../../tests/conformance");

    @TestFactory
    Stream<DynamicTest> typedRowsGiveTypedAnswers() throws Exception {
        List<?> cases = (List<?>) read("manifest.json").get("cases");
        assertTrue(cases.size() > 100);
        return cases.stream()
                .map(each -> Json.object(each, "a case"))
                .filter(each -> each.containsKey("rows_json"))
                .map(each -> DynamicTest.dynamicTest((String) each.get("name"), () -> check(each)));
    }

    private static void check(Map<String, Object> entry) throws Exception {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Object row :
                (List<?>)
                        Json.object(
                                        parse(
                                                Files.readString(
                                                        CONFORMANCE.resolve(
                                                                (String) entry.get("rows_json")))),
                                        "")
                                .get("rows")) {
            Map<String, Object> cells = Json.object(row, "a row");
            cells.replaceAll((name, cell) -> typed(cell));
            rows.add(cells);
        }
        Path path = CONFORMANCE.resolve((String) entry.get("model"));
        if (entry.containsKey("error")) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> {
                        try (MotherNet model = MotherNet.load(path)) {
                            model.predict(rows);
                        }
                    });
            return;
        }
        Map<String, Object> expected = read((String) entry.get("expected"));
        double tolerance = ((Json.Digits) entry.get("tolerance")).toDouble();
        try (MotherNet model = MotherNet.load(path)) {
            List<MotherNet.Prediction> answers = model.predict(rows);
            List<?> labels = (List<?>) expected.get("labels");
            assertEquals(labels.size(), answers.size());
            for (int row = 0; row < answers.size(); row++) {
                Object label = typed(labels.get(row));
                if (model.classes().get(0) instanceof Double && label instanceof Number number)
                    label = number.doubleValue();
                if (model.classes().get(0) instanceof Long)
                    label = ((BigInteger) label).longValueExact();
                assertEquals(label, answers.get(row).label());
                List<?> numbers = (List<?>) ((List<?>) expected.get("probabilities")).get(row);
                for (int i = 0; i < numbers.size(); i++) {
                    assertEquals(
                            ((Json.Digits) numbers.get(i)).toDouble(),
                            answers.get(row).probabilities()[i],
                            tolerance);
                }
            }
        }
    }

    @Test
    void everyCellOfTheTableIsReadAsItSays() throws Exception {
        int compared = 0;
        List<String> wrong = new ArrayList<>();
        Map<String, Object> table = read("cells.json");
        for (String kind : List.of("number", "date", "category")) {
            Map<String, Object> group = Json.object(table.get(kind), kind);
            List<?> rules = (List<?>) group.get("rules");
            for (int i = 0; i < rules.size(); i++) {
                Map<String, Object> fields = Json.object(rules.get(i), kind);
                CellRule rule = Schema.readRule(fields, (String) fields.get("type"), kind);
                for (Object each : (List<?>) group.get("cells")) {
                    String text = (String) ((List<?>) each).get(0);
                    Object wanted = ((List<?>) ((List<?>) each).get(1)).get(i);
                    Object found;
                    try {
                        CellRule.Value value = rule.readText(text);
                        found = kind.equals("category") ? value.text() : shown(value.number());
                    } catch (IllegalArgumentException error) {
                        found = "error";
                    }
                    if (!shown(wanted).equals(found))
                        wrong.add(
                                CellRule.quoted(text)
                                        + " under "
                                        + fields
                                        + ": "
                                        + found
                                        + ", not "
                                        + wanted);
                    compared++;
                }
            }
        }
        Map<String, Object> group = Json.object(table.get("date_parts"), "date_parts");
        List<?> parts = (List<?>) group.get("parts");
        for (Object each : (List<?>) group.get("seconds")) {
            Object seconds = ((List<?>) each).get(0);
            for (int i = 0; i < parts.size(); i++) {
                double number =
                        seconds instanceof Json.Digits digits ? digits.toDouble() : Double.NaN;
                Object wanted = ((List<?>) ((List<?>) each).get(1)).get(i);
                String found = shown(Dates.part(number, (String) parts.get(i)));
                if (!shown(wanted).equals(found))
                    wrong.add(parts.get(i) + " of " + seconds + ": " + found + ", not " + wanted);
                compared++;
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(compared > 4_000, "the table has more than 4,000 values");
    }

    private static String shown(Object value) {
        if (value instanceof Json.Digits digits) return Double.toString(digits.toDouble());
        if (!(value instanceof Double number)) return String.valueOf(value);
        return Double.isNaN(number)
                ? "nan"
                : Double.isInfinite(number) ? (number > 0 ? "inf" : "-inf") : number.toString();
    }

    /** A cell of JSON as a service would pass it. */
    private static Object typed(Object cell) {
        if (!(cell instanceof Json.Digits digits)) return cell;
        return digits.text().matches("-?[0-9]+")
                ? (Object) new BigInteger(digits.text())
                : Double.valueOf(new BigDecimal(digits.text()).doubleValue());
    }

    private static Map<String, Object> read(String path) throws Exception {
        return Json.parse(Files.readString(CONFORMANCE.resolve(path)), path);
    }

    private static Object parse(String list) {
        return new HashMap<>(Json.parse("{\"rows\":" + list + "}", "rows"));
    }
}
