package io.highwater.dashboard;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion.VersionFlag;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** The OpenAPI document, to hold the server's answers against it. */
final class ApiDocument {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FILE =
      "dashboard/src/main/resources/io/highwater/dashboard/openapi.json";

  private final JsonNode root;
  private final JsonSchemaFactory factory = JsonSchemaFactory.getInstance(VersionFlag.V202012);
  private final SchemaValidatorsConfig settings =
      SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();
  private final Map<JsonNode, JsonSchema> schemas = new HashMap<>();

  /**
   * What the server answered.
   *
   * @param headers their names
   * @param body of a stream its first event
   */
  record Answer(int status, String contentType, Set<String> headers, String body) {
    static Answer of(HttpResponse<?> response, String body) {
      return new Answer(
          response.statusCode(),
          DashboardClient.contentType(response),
          response.headers().map().keySet(),
          body);
    }
  }

  ApiDocument() throws IOException {
    try (InputStream in = DashboardServer.class.getResourceAsStream("openapi.json")) {
      root = JSON.readTree(requireNonNull(in));
    }
  }

  /** Every method and route, such as "GET /health". */
  List<String> routes() {
    List<String> routes = new ArrayList<>();
    root.path("paths")
        .fields()
        .forEachRemaining(
            path ->
                path.getValue()
                    .fieldNames()
                    .forEachRemaining(
                        method ->
                            routes.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey())));
    return routes;
  }

  /**
   * What is said of a route.
   *
   * @throws AssertionError that says what to add where there is nothing
   */
  JsonNode operation(String route) {
    String method = route.substring(0, route.indexOf(' '));
    String path = route.substring(route.indexOf(' ') + 1);
    JsonNode operation = root.path("paths").path(path).path(method.toLowerCase(Locale.ROOT));
    if (operation.isMissingNode()) {
      throw new AssertionError(
          route
              + " is not in "
              + FILE
              + "; add paths / "
              + path
              + " / "
              + method.toLowerCase(Locale.ROOT)
              + " with a summary, its parameters with an example each, a schema for every answer,"
              + " and the default answer #/components/responses/Problem");
    }
    return operation;
  }

  /** The parameters of a route, in: path or query. */
  List<JsonNode> parameters(String route, String in) {
    List<JsonNode> parameters = new ArrayList<>();
    for (JsonNode parameter : operation(route).path("parameters")) {
      JsonNode resolved = resolved(parameter);
      if (resolved.path("in").asText().equals(in)) {
        if (resolved.path("example").isMissingNode()
            || !wrong(resolved.path("schema"), resolved.path("example")).isEmpty()) {
          throw new AssertionError(
              "parameter "
                  + resolved.path("name")
                  + " of "
                  + route
                  + " has no example in "
                  + FILE
                  + " that fits its schema");
        }
        parameters.add(resolved);
      }
    }
    return parameters;
  }

  /**
   * Holds an answer against what is said of its status; an internal error is never what is said.
   *
   * @throws AssertionError that says what does not fit
   */
  void check(String route, Answer answer) throws IOException {
    JsonNode responses = operation(route).path("responses");
    JsonNode described = responses.path(String.valueOf(answer.status()));
    if (described.isMissingNode() && answer.status() >= 400 && answer.status() != 500) {
      described = responses.path("default");
    }
    String what = route + " answered " + answer.status();
    if (described.isMissingNode()) {
      throw new AssertionError(what + ", which " + FILE + " does not tell of; add it");
    }
    JsonNode response = resolved(described);
    for (Map.Entry<String, JsonNode> header : response.path("headers").properties()) {
      if (answer.headers().stream().noneMatch(header.getKey()::equalsIgnoreCase)) {
        throw new AssertionError(
            what + " without " + header.getKey() + ", of which " + FILE + " tells");
      }
    }
    String type = answer.contentType().replaceFirst(";.*", "");
    JsonNode content = response.path("content").path(type);
    if (content.isMissingNode()) {
      throw new AssertionError(what + " with " + type + ", which " + FILE + " does not tell of");
    }
    JsonNode schema = content.path("schema");
    if (schema.isMissingNode()) {
      return;
    }
    Set<ValidationMessage> wrong = wrong(schema, JSON.readTree(answer.body()));
    if (!wrong.isEmpty()) {
      throw new AssertionError(
          what
              + ", which is not as "
              + FILE
              + " says: "
              + wrong.stream()
                  .map(ValidationMessage::getMessage)
                  .limit(10)
                  .collect(Collectors.joining("; ")));
    }
  }

  /** Whether a body is what a route is said to take. */
  boolean takes(String route, String body) throws IOException {
    JsonNode schema =
        operation(route)
            .path("requestBody")
            .path("content")
            .path("application/json")
            .path("schema");
    return wrong(schema, JSON.readTree(body)).isEmpty();
  }

  private Set<ValidationMessage> wrong(JsonNode schema, JsonNode value) {
    return schemas.computeIfAbsent(schema, this::compile).validate(value);
  }

  private JsonSchema compile(JsonNode schema) {
    ObjectNode withComponents = schema.deepCopy();
    withComponents.set("components", root.path("components"));
    return factory.getSchema(withComponents, settings);
  }

  private JsonNode resolved(JsonNode node) {
    return node.has("$ref") ? root.at(node.path("$ref").asText().substring(1)) : node;
  }
}
