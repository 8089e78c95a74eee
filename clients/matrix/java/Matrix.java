import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** Matrix tries every case at every alias with the client that its argument names, and prints a line of each. */
final class Matrix {
  static final String URL = System.getenv("BULKHEAD_URL"), KEY = System.getenv("BULKHEAD_KEY");

  // What is asked, and what the pretend models then answer.
  static final String SAY = "Say: fair winds and following seas";
  private static final String SAID = "fair winds and following seas";
  private static final String TELL = "Tell me of ships in 120 words";
  private static final String CITIES = "What is the weather in Paris and Rome?";
  private static final String SHIP = "Describe the ship Meridian, which has 3 masts";
  private static final String PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

  /** The SDKs' words for a natural end. */
  private static final List<String> STOPS = List.of("stop", "completed", "end_turn");

  /** The fields in which the dialects of the aliases have what is opaque of thought. */
  private static final Map<String, String> MARKS =
      Map.of("on-openai", "", "on-responses", "\"encrypted_content\":", "on-anthropic", "\"signature\":", "on-bedrock", "\"signature\":", "on-gemini", "\"thoughtSignature\":");

  private static final HttpClient http = HttpClient.newHttpClient();
  static final ObjectMapper json = new ObjectMapper();

  private final Client client;
  private final Map<String, Case> cases = new LinkedHashMap<>();

  interface Case {
    void run(String alias) throws Exception;
  }

  private Matrix(Client client) {
    this.client = client;
    cases.put("unary", alias -> plain(alias, false));
    cases.put("stream", alias -> plain(alias, true));
    cases.put("tools", alias -> parallel(alias, false));
    cases.put("tools-stream", alias -> parallel(alias, true));
    cases.put("structured", this::structured);
    cases.put("image", this::image);
    cases.put("reasoning", this::reasoning);
    cases.put("usage", this::usage);
    cases.put("errors", this::errors);
    if (client instanceof Client.Embedder embedder) cases.put("embeddings", alias -> embeddings(embedder, alias));
  }

  static void same(String what, Object got, Object want) {
    if (!Objects.equals(got, want)) throw new AssertionError(what + " is " + got + ", want " + want);
  }

  private static void has(String text, String... words) {
    for (String word : words) same(word + " in " + text, text.contains(word), true);
  }

  private static String control(String method, String path, String body) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(System.getenv("BULKHEAD_SIM") + "/_sim/" + path));
    return http.send(request.method(method, HttpRequest.BodyPublishers.ofString(body)).build(), BodyHandlers.ofString()).body();
  }

  /** Last is what the vendors recorded of their last call. */
  private static JsonNode last() throws Exception {
    JsonNode all = json.readTree(control("GET", "record", ""));
    same("a call at the vendors", all.size() > 0, true);
    return all.get(all.size() - 1);
  }

  private void plain(String alias, boolean streamed) throws Exception {
    Client.Reply reply = client.say(alias, SAY, streamed);
    same("text", reply.text(), SAID);
    same("a natural end by " + reply.stop(), STOPS.contains(reply.stop()), true);
    same("a request id", reply.id() != null && !reply.id().isEmpty(), true);
    same("usage there", reply.output() > 0, true);
  }

  private void parallel(String alias, boolean streamed) throws Exception {
    Client.Round round = client.talk(alias, streamed, false).ask(CITIES);
    same("calls", round.cities(), List.of("Paris", "Rome"));
    has(round.text(), Client.Weather.in("Paris"), Client.Weather.in("Rome"));
  }

  private void structured(String alias) throws Exception {
    Client.Ship ship = client.describe(alias, SHIP);
    same("masts", ship.masts, 3);
    same("a name", ship.name != null, true);
  }

  private void image(String alias) throws Exception {
    client.look(alias, "What is in this picture?", Base64.getDecoder().decode(PNG));
    same("the picture sent", last().get("body").asText().contains(PNG), true);
  }

  private void reasoning(String alias) throws Exception {
    Client.Conversation talk = client.talk(alias, false, true);
    for (String[] row : new String[][] {{"What is the weather in Paris?", "Paris"}, {"And what is the weather in Rome?", "Rome"}}) {
      Client.Round round = talk.ask(row[0]);
      JsonNode sent = last();
      String body = sent.get("body").asText();
      same("calls", round.cities(), List.of(row[1]));
      has(round.text(), Client.Weather.in(row[1]));
      same("reasoned", sent.at("/usage/reasoning_tokens").asLong() > 0, true);
      same("state given back as " + MARKS.get(alias), body.contains(MARKS.get(alias)), true);
      for (String state : round.states()) {
        // What the client's dialect has no place for comes to it wrapped, and goes back unwrapped.
        String minted = state.startsWith("bulkhead.") ? state.substring(state.lastIndexOf('.') + 1) : state;
        same("state given back", body.contains(minted), true);
      }
    }
  }

  private void usage(String alias) throws Exception {
    for (boolean streamed : new boolean[] {false, true}) {
      Client.Reply reply = client.say(alias, TELL, streamed);
      JsonNode counted = last().get("usage");
      same("input", reply.input(), counted.get("input_tokens").asLong());
      same("output", reply.output(), counted.get("output_tokens").asLong());
      same("counted", reply.input() > 0 && reply.output() > 0, true);
    }
  }

  private void errors(String alias) throws Exception {
    fails("401", "", () -> client.stranger(alias), e -> client.raised(e, 401));
    fails("403", "", () -> client.say("withdrawn", SAY, false), e -> client.raised(e, 403));
    fails("404", "", () -> client.say("nowhere", SAY, false), e -> client.raised(e, 404));
    fails("400", "", () -> client.malformed(alias), e -> client.raised(e, 400));
    fails("429", "{\"status\":429}", () -> client.say(alias, SAY, false), e -> client.raised(e, 429));
    fails("503", "{\"status\":503}", () -> client.say(alias, SAY, false), e -> client.raised(e, 503));
    fails("midstream", "{\"error_after_chunks\":12}", () -> client.say(alias, TELL, true), client::broken);
  }

  interface Call {
    void run() throws Exception;
  }

  interface Look {
    void at(Exception e) throws Exception;
  }

  private static void fails(String name, String fault, Call call, Look look) throws Exception {
    try {
      if (!fault.isEmpty()) control("POST", "faults", "[{\"match\":{},\"fault\":" + fault + "}]");
      Exception raised = null;
      try {
        call.run();
      } catch (Exception e) {
        raised = e;
      }
      same("an exception", raised != null, true);
      look.at(raised);
    } catch (Exception | AssertionError e) {
      throw new AssertionError(name + ": " + e.getMessage(), e);
    } finally {
      control("DELETE", "faults", "");
    }
  }

  private static void embeddings(Client.Embedder embedder, String alias) throws Exception {
    List<List<Float>> vectors = embedder.embed(alias.replace("on-", "embed-"), List.of("a ship", "a lighthouse"));
    same("vectors", vectors.size(), 2);
    same("long", vectors.get(0).size() > 100 && vectors.get(1).size() > 100, true);
    same("one vector for both", vectors.get(0).equals(vectors.get(1)), false);
  }

  /** Version is that of the package which the SDK was loaded from, by its file's name. */
  private String version() {
    var file = Pattern.compile("-(\\d[\\d.]*)\\.jar$").matcher(client.from().getProtectionDomain().getCodeSource().getLocation().getPath());
    same("a version", file.find(), true);
    return file.group(1);
  }

  private Map<String, String> cell(String alias, String name) throws Exception {
    Map<String, String> cell = new LinkedHashMap<>(Map.of("client", client.name(), "version", version(), "alias", alias, "case", name, "result", "pass", "why", ""));
    if (!cases.containsKey(name)) {
      cell.putAll(Map.of("result", "none", "why", "The client has no " + name + "."));
      return cell;
    }
    control("DELETE", "faults", "");
    control("DELETE", "record", "");
    try {
      cases.get(name).run(alias);
    } catch (Exception | AssertionError e) {
      if (System.getenv("MATRIX_TRACE") != null) e.printStackTrace();
      Client.Told told = e instanceof Exception raised && !name.equals("errors") ? client.told(raised) : null;
      if (told != null && List.of("unsupported_parameter", "unsupported_route").contains(told.code())) {
        cell.putAll(Map.of("result", "refused", "why", told.code() + ": " + told.message()));
      } else {
        String why = e.toString().replaceAll("\\s+", " ");
        cell.putAll(Map.of("result", "fail", "why", why.substring(0, Math.min(400, why.length()))));
      }
    }
    return cell;
  }

  public static void main(String[] args) throws Exception {
    Client client =
        switch (args[0]) {
          case "openai-chat" -> new Completions();
          case "openai-responses" -> new Responses();
          case "anthropic" -> new Messages();
          case "bedrock" -> new Converse();
          default -> throw new IllegalArgumentException("no client is called " + args[0]);
        };
    Matrix matrix = new Matrix(client);
    for (String alias : System.getenv("MATRIX_ALIASES").split(",")) {
      for (String name : System.getenv("MATRIX_CASES").split(",")) System.out.println(json.writeValueAsString(matrix.cell(alias, name)));
    }
    System.exit(0); // whatever threads the SDKs keep
  }
}
