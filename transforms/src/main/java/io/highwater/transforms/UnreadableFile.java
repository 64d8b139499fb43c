package io.highwater.transforms;

import java.io.Serializable;

/**
 * A file that could not be read, or not to its end.
 *
 * @param reason names the file, and the number of records that were read before
 */
public record UnreadableFile(String name, String reason) implements Serializable {}
