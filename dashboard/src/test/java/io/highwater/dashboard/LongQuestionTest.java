package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import io.javalin.Javalin;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A question that takes too long, over a store that would answer it next year. */
class LongQuestionTest {
  private static final String ENDLESS =
      "SELECT count(*) AS n FROM range(1000000000000000) t(i) WHERE hash(i) = 1";

  @TempDir private Path folder;

  @Test
  void isInterruptedWithAProblemThatSaysHowToAskLess() throws Exception {
    DashboardConfig config = DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT);
    try (HotStore store = HotStore.open(config, InstantSource.system())) {
      Answers answers =
          new Answers(
              store, new KeptAnswers(store, InstantSource.system()), InstantSource.system());
      Javalin server =
          Javalin.create(
                  javalin -> {
                    answers.addProblemsTo(javalin.routes);
                    javalin.routes.get(
                        "/endless",
                        context ->
                            store.read(connection -> Rows.all(connection, ENDLESS, List.of(), 1)));
                    javalin.routes.get(
                        "/short",
                        context ->
                            store.read(
                                connection -> Rows.all(connection, "SELECT 1", List.of(), 1)));
                  })
              .start("127.0.0.1", 0);
      try {
        DashboardClient client = new DashboardClient(server.port());
        HttpResponse<String> answer = client.get("/endless");
        assertThat(answer.statusCode(), is(503));
        assertThat(DashboardClient.contentType(answer), is("application/problem+json"));
        JsonNode problem = client.parse(answer);
        assertThat(problem.path("title").asText(), is("Service unavailable"));
        assertThat(
            problem.path("detail").asText(),
            is(
                "the answer would take longer than 1 s; ask for a shorter range or fewer instances"));
        assertThat(client.get("/short").statusCode(), is(200));
      } finally {
        server.stop();
      }
    }
  }

  @Test
  void theTimeOfAQuestionInterruptsNoneThatIsAskedLater() throws Exception {
    String question = "SELECT count(hash(range)) AS rows FROM range(5_000_000)";
    DashboardConfig config = DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT);
    try (HotStore store = HotStore.open(config, InstantSource.system())) {
      long started = System.nanoTime();
      while (System.nanoTime() - started < 3_000_000_000L) {
        assertThat(
            store.read(connection -> Rows.all(connection, question, List.of(), 2)),
            is(List.of(Map.of("rows", 5_000_000L))));
      }
    }
  }
}
