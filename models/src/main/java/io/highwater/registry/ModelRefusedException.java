package io.highwater.registry;

import java.io.IOException;

/** A model cannot be served; the message is one line that says which one and why. */
public final class ModelRefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  ModelRefusedException(String model, String reason) {
    super("model " + model + " is refused: " + reason.strip().replaceAll("\\s*\\R\\s*", " "));
  }
}
