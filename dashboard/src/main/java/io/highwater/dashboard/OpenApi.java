package io.highwater.dashboard;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The description of the API, an OpenAPI 3.1 document that is kept by hand beside this class. */
final class OpenApi {
  private final byte[] document;

  OpenApi() {
    try (InputStream resource = OpenApi.class.getResourceAsStream("openapi.json")) {
      if (resource == null) {
        throw new IllegalStateException("the jar lacks its resource openapi.json");
      }
      document = resource.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void send(Context context) {
    context.contentType("application/json").result(document);
  }
}
