package mothernet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** What is damaged, too long or of another type is refused, and never anything else. */
class HostileInputTest {
    private static final Path MIXED = Path.of("../../tests/conformance/cases/mixed");

    @Test
    void damagedFilesAreRefused() throws Exception {
        byte[] model = Files.readAllBytes(MIXED.resolve("model.onnx"));
        byte[] rows = Files.readAllBytes(MIXED.resolve("rows.csv"));
        Random random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 2_000; i++) {
            try {
                new Schema(new Container(damaged(model, random)).metadata);
            } catch (IllegalArgumentException error) {
                refused++;
            }
            try {
                CsvTable table = CsvTable.read(damaged(rows, random), null, null);
                assertEquals(table.rows().size(), table.lines().size());
            } catch (IllegalArgumentException error) {
                refused++;
            }
        }
        assertEquals(true, refused > 1_000, "most damage is noticed: " + refused);
    }

    private static byte[] damaged(byte[] whole, Random random) {
        byte[] data =
                Arrays.copyOf(
                        whole,
                        random.nextInt(4) == 0 ? random.nextInt(whole.length) : whole.length);
        for (int k = random.nextInt(5); k > 0 && data.length > 0; k--)
            data[random.nextInt(data.length)] = (byte) random.nextInt(256);
        return data;
    }

    @Test
    void longCellsNeedNeitherTimeNorStack() {
        CellRule number = CellRule.number(Set.of(), ".", ",", "€", true);
        CellRule spaced = CellRule.number(Set.of(), ",", " ", "", false);
        assertTimeout(
                Duration.ofSeconds(20),
                () -> {
                    for (String text :
                            List.of(
                                    "1".repeat(1_000_000),
                                    "(" + "1".repeat(1_000_000),
                                    " ".repeat(1_000_000) + "x",
                                    "(".repeat(1_000_000))) {
                        for (CellRule rule :
                                List.of(
                                        number,
                                        spaced,
                                        CellRule.date(Set.of(), "dmy"),
                                        CellRule.category(Set.of(), true)))
                            refusedOrRead(rule, text);
                    }
                    refusedOrRead(number, "1" + ",234".repeat(100_000));
                    refusedOrRead(number, "1" + ",234".repeat(100_000) + "x");
                    refusedOrRead(spaced, "1" + " 234".repeat(100_000));
                });
        assertEquals(
                Double.POSITIVE_INFINITY, number.readText("1" + ",234".repeat(100_000)).number());
    }

    private static void refusedOrRead(CellRule rule, String text) {
        try {
            rule.readText(text);
        } catch (IllegalArgumentException error) {
            assertEquals(true, error.getMessage().length() < 200);
        }
    }

    @Test
    void cellsOfJavaTypes() {
        CellRule number = CellRule.number(Set.of(), ".", "", "", false);
        CellRule category = CellRule.category(Set.of(), false);
        CellRule date = CellRule.date(Set.of(), "ymd");
        assertEquals(0.5, number.read(0.5f).number());
        assertEquals(1, number.read(true).number());
        assertEquals("3", category.read(3.0).text());
        assertEquals("0", category.read(-0.0).text());
        assertEquals("99999999999999991611392", category.read(1e23).text());
        assertEquals("0.10000000149011612", category.read(0.1f).text());
        assertEquals("1e-07", category.read(1e-7).text());
        assertEquals("5.684341886080802e-14", category.read(Math.pow(2, -44)).text());
        assertEquals("5e-324", category.read(Double.MIN_VALUE).text());
        assertEquals("True", category.read(true).text());
        assertEquals("", category.read(Double.NaN).text());
        assertEquals(86_400, date.read(LocalDate.of(1970, 1, 2)).number());
        assertEquals(
                -3_599.5, date.read(OffsetDateTime.parse("1970-01-01T00:00:00.5+01:00")).number());
        for (Object cell : List.of(5, "\0", new Object()))
            assertThrows(IllegalArgumentException.class, () -> date.read(cell));
        assertThrows(IllegalArgumentException.class, () -> category.read(LocalDate.EPOCH));
    }

    @Test
    void oddCsvFilesAreReadOrRefused() {
        assertEquals(List.of("a", "b"), read("\ufeffa;b\r\n1;2").names());
        assertEquals(List.of("a"), read("a\r1\r").names());
        for (String text :
                List.of("", "\n \n", "a,b\n\"1", "a,b\n1,\0", "a,b\n\"1\"x,2", "a,b\n1")) {
            assertThrows(IllegalArgumentException.class, () -> read(text), CellRule.quoted(text));
        }
    }

    private static CsvTable read(String text) {
        return CsvTable.read(text.getBytes(StandardCharsets.UTF_8), null, null);
    }
}
