package mothernet;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Dates and times as cells write them, and their parts: section 2.4 of FORMAT.md. */
final class Dates {
    private static final int DAY = 86_400;
    private static final String TIME =
            "(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})"
                    + "(?:[.,](?<fraction>[0-9]{1,9}))?)?(?: ?(?<half>[AaPp])\\.?[Mm]\\.?)?"
                    + "(?: ?(?<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?";
    private static final String REST = "(?:(?:[Tt]|,? )" + TIME + ")?";
    private static final String D = "(?<day>[0-9]{1,2})";
    private static final String M = "(?<month>[0-9]{1,2})";
    private static final String Y = "(?<year>[0-9]{4}|[0-9]{2})";
    private static final String NAME = "(?<name>[A-Za-z]{3,9})\\.?";
    private static final String SIGN = "(?<sign>[-/.])";
    private static final String SAME = "\\k<sign>";
    private static final String ISO =
            "(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})" + REST;
    private static final List<String> MONTHS =
            List.of(
                    ("january february march april may june july august september october november"
                                    + " december")
                            .split(" "));
    private static final Map<String, List<String>> TEXTS =
            Map.of(
                    "ymd",
                            List.of(
                                    ISO,
                                    "(?<year>[0-9]{4})" + SIGN + M + SAME + D + REST,
                                    "(?<year>[0-9]{4})(?<month>[0-9]{2})(?<day>[0-9]{2})(?:[Tt]"
                                            + TIME
                                            + ")?"),
                    "dmy",
                            List.of(
                                    ISO,
                                    D + SIGN + M + SAME + Y + REST,
                                    D + "\\.?[- ]" + NAME + "[- ,] ?" + Y + REST),
                    "mdy",
                            List.of(
                                    ISO,
                                    M + SIGN + D + SAME + Y + REST,
                                    NAME + " " + D + ",? " + Y + REST),
                    "time", List.of(TIME));

    private Dates() {}

    /** The expressions of a pattern, by which {@link #seconds} reads. */
    static List<Pattern> expressions(String pattern) {
        return TEXTS.get(pattern).stream().map(Pattern::compile).toList();
    }

    /** Seconds since 1970 that a trimmed text says, empty if it is no date. */
    static OptionalDouble seconds(String text, List<Pattern> expressions) {
        for (Pattern expression : expressions) {
            Matcher field = expression.matcher(text);
            if (!field.matches()) continue;
            boolean hasDay = expression.pattern().contains("<year>");
            OptionalLong day =
                    hasDay
                            ? day(field, expression.pattern().contains("<name>"))
                            : OptionalLong.of(0);
            OptionalLong time = timeOfDay(field);
            if (day.isEmpty() || time.isEmpty()) return OptionalDouble.empty();
            String fraction = field.group("fraction");
            double part = fraction == null ? 0 : Double.parseDouble("0." + fraction);
            return OptionalDouble.of(DAY * day.getAsLong() + time.getAsLong() + part);
        }
        return OptionalDouble.empty();
    }

    /** The day since 1970-01-01, empty if there is no such day. */
    private static OptionalLong day(Matcher field, boolean isNamed) {
        int year = Integer.parseInt(field.group("year"));
        if (field.group("year").length() == 2) year += year < 69 ? 2000 : 1900;
        int month =
                isNamed
                        ? month(field.group("name").toLowerCase(Locale.ROOT))
                        : number(field.group("month"));
        if (year == 0) return OptionalLong.empty();
        try {
            return OptionalLong.of(
                    LocalDate.of(year, month, Integer.parseInt(field.group("day"))).toEpochDay());
        } catch (DateTimeException error) {
            return OptionalLong.empty();
        }
    }

    /**
     * Whole seconds since midnight, of UTC where an offset is named; empty if there is no such
     * time.
     */
    private static OptionalLong timeOfDay(Matcher field) {
        if (field.group("hour") == null) return OptionalLong.of(0);
        int hour = number(field.group("hour"));
        int minute = number(field.group("minute"));
        int second = number(field.group("second"));
        if (field.group("half") != null) {
            if (hour < 1 || hour > 12) return OptionalLong.empty();
            hour = hour % 12 + (field.group("half").equalsIgnoreCase("p") ? 12 : 0);
        }
        boolean isPastMidnight =
                hour == 24 && (minute > 0 || second > 0 || number(field.group("fraction")) > 0);
        if (hour > 24 || minute > 59 || second > 60 || isPastMidnight) return OptionalLong.empty();
        long seconds = hour * 3600L + minute * 60L + second;
        String zone = field.group("zone");
        if (zone == null || Character.isLetter(zone.charAt(0))) return OptionalLong.of(seconds);
        String digits = zone.substring(1).replace(":", "") + "00";
        int hours = number(digits.substring(0, 2));
        int minutes = number(digits.substring(2, 4));
        if (hours > 23 || minutes > 59) return OptionalLong.empty();
        return OptionalLong.of(
                seconds - (hours * 3600L + minutes * 60L) * (zone.charAt(0) == '-' ? -1 : 1));
    }

    /** The month of an English name or its first three or four letters, 0 if there is none. */
    private static int month(String word) {
        for (String name : MONTHS) {
            boolean isShort = (word.length() == 3 || word.length() == 4) && name.startsWith(word);
            if (isShort || word.equals(name)) return MONTHS.indexOf(name) + 1;
        }
        return 0;
    }

    private static int number(String digits) {
        return digits == null ? 0 : Integer.parseInt(digits);
    }

    /**
     * Days, month, weekday (Monday is 0) or hour of the seconds of a date; any other part is the
     * value itself.
     */
    static double part(double seconds, String part) {
        if (Double.isNaN(seconds)) return seconds;
        double day = Math.floor(seconds / DAY);
        return switch (part) {
            case "days" -> seconds / DAY;
            case "month" -> LocalDate.ofEpochDay((long) day).getMonthValue();
            case "weekday" -> Math.floorMod((long) day + 3, 7);
            case "hour" -> (seconds - DAY * day) / 3600;
            default -> seconds;
        };
    }
}
