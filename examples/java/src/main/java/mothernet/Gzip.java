package mothernet;

import java.io.ByteArrayOutputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Gzip files of one member or several, behind which nothing but zeros may stand; java.util.zip
 * passes over whatever does.
 */
final class Gzip {
    private static final int HEADER_CHECKSUM = 2;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;

    private final byte[] data;
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();

    private Gzip(byte[] data) {
        this.data = data;
    }

    static boolean isOne(byte[] data) {
        return data.length > 1 && data[0] == 0x1f && data[1] == (byte) 0x8b;
    }

    /** The content of the bytes of a file. */
    static byte[] unzipped(byte[] data) {
        Gzip file = new Gzip(data);
        try {
            for (int at = 0; at < data.length; ) {
                at = file.readMember(at);
                while (at < data.length && data[at] == 0) at++;
            }
        } catch (DataFormatException | IndexOutOfBoundsException error) {
            throw new IllegalArgumentException(
                    "the rows must be whole, however: they are a damaged gzip file");
        }
        return file.content.toByteArray();
    }

    private int readMember(int start) throws DataFormatException {
        if (number(start, 3) != 0x088b1f) throw new DataFormatException();
        int flags = data[start + 3];
        int at = start + 10;
        if ((flags & EXTRA) != 0) at += 2 + (int) number(at, 2);
        for (int flag : new int[] {NAME, COMMENT}) {
            if ((flags & flag) == 0) continue;
            while (data[at++] != 0) {} // a text that ends with a zero
        }
        if ((flags & HEADER_CHECKSUM) != 0) at += 2;
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(data, at, data.length - at);
            CRC32 checksum = new CRC32();
            byte[] some = new byte[1 << 16];
            while (!inflater.finished()) {
                int count = inflater.inflate(some);
                if (count == 0 && !inflater.finished()) throw new DataFormatException();
                checksum.update(some, 0, count);
                content.write(some, 0, count);
            }
            at += (int) inflater.getBytesRead();
            boolean isWhole =
                    number(at, 4) == checksum.getValue()
                            && number(at + 4, 4) == (inflater.getBytesWritten() & 0xffffffffL);
            if (!isWhole) throw new DataFormatException();
            return at + 8;
        } finally {
            inflater.end();
        }
    }

    /** A number of some bytes, the lowest first. */
    private long number(int at, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) value |= (data[at + i] & 0xffL) << 8 * i;
        return value;
    }
}
