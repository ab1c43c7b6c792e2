package mothernet;

/** What must be so: else an IllegalArgumentException says what is not. */
final class Require {
    private Require() {}

    static void that(boolean isRight, String message, Object... values) {
        if (!isRight) throw new IllegalArgumentException(String.format(message, values));
    }
}
