package io.highwater.onnx;

import java.io.IOException;

/** A model that cannot be used. The message is one line that names the model and what is wrong. */
public final class InvalidModelException extends IOException {
  private static final long serialVersionUID = 1L;

  public InvalidModelException(String message) {
    super(message);
  }

  public InvalidModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
