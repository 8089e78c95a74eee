import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.core.http.HttpResponseFor;
import com.anthropic.core.http.StreamResponse;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.errors.BadRequestException;
import com.anthropic.errors.InternalServerException;
import com.anthropic.errors.NotFoundException;
import com.anthropic.errors.PermissionDeniedException;
import com.anthropic.errors.RateLimitException;
import com.anthropic.errors.UnauthorizedException;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Base64ImageSource;
import com.anthropic.models.messages.ContentBlockParam;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.StopReason;
import com.anthropic.models.messages.TextBlockParam;
import com.anthropic.models.messages.Tool;
import com.anthropic.models.messages.ToolResultBlockParam;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Messages is anthropic-java. */
final class Messages implements Client {
  private final AnthropicClient client = client(Matrix.KEY);

  private static AnthropicClient client(String key) {
    return AnthropicOkHttpClient.builder().baseUrl(Matrix.URL).apiKey(key).maxRetries(0).build();
  }

  @Override
  public String name() {
    return "anthropic-java";
  }

  @Override
  public Class<?> from() {
    return AnthropicClient.class;
  }

  private record Sent(Message whole, String id) {
    String text() {
      return whole.content().stream().flatMap(b -> b.text().stream()).map(t -> t.text()).collect(Collectors.joining());
    }
  }

  private static MessageCreateParams.Builder asking(String alias) {
    return MessageCreateParams.builder().model(alias).maxTokens(4000);
  }

  /** Send asks; a stream is gathered by the SDK's own accumulator. */
  private static Sent send(AnthropicClient client, MessageCreateParams.Builder params, boolean streamed) {
    var raw = client.messages().withRawResponse();
    if (!streamed) {
      try (HttpResponseFor<Message> reply = raw.create(params.build())) {
        return new Sent(reply.parse(), reply.requestId().orElse(""));
      }
    }
    try (HttpResponseFor<StreamResponse<RawMessageStreamEvent>> reply = raw.createStreaming(params.build()); var events = reply.parse()) {
      MessageAccumulator whole = MessageAccumulator.create();
      events.stream().forEach(whole::accumulate);
      return new Sent(whole.message(), reply.requestId().orElse(""));
    }
  }

  @Override
  public Reply say(String alias, String text, boolean streamed) {
    Sent sent = send(client, asking(alias).addUserMessage(text), streamed);
    var usage = sent.whole.usage();
    long input = usage.inputTokens() + usage.cacheReadInputTokens().orElse(0L) + usage.cacheCreationInputTokens().orElse(0L);
    return new Reply(sent.text(), sent.whole.stopReason().orElseThrow().asString(), sent.id, input, usage.outputTokens());
  }

  private static final Tool WEATHER =
      Tool.builder().name("get_weather").description("Weather in a city")
          .inputSchema(Tool.InputSchema.builder().required(List.of("city")).putAdditionalProperty("additionalProperties", JsonValue.from(false))
              .properties(Tool.InputSchema.Properties.builder().putAdditionalProperty("city", JsonValue.from(Map.of("type", "string"))).build()).build())
          .build();

  @Override
  public Conversation talk(String alias, boolean streamed, boolean reason) {
    MessageCreateParams.Builder params = asking(alias).addTool(WEATHER);
    if (reason) params.enabledThinking(1024);
    return question -> {
      Message first = send(client, params.addUserMessage(question), streamed).whole;
      Matrix.same("stop_reason", first.stopReason().orElse(null), StopReason.TOOL_USE);
      List<String> cities = new ArrayList<>(), states = new ArrayList<>();
      List<ContentBlockParam> results = new ArrayList<>();
      for (var block : first.content()) {
        block.thinking().map(t -> t.signature()).filter(s -> !s.isEmpty()).ifPresent(states::add);
        block.toolUse().ifPresent(call -> {
          String city = String.valueOf(call._input().convert(Map.class).get("city"));
          cities.add(city);
          results.add(ContentBlockParam.ofToolResult(ToolResultBlockParam.builder().toolUseId(call.id()).content(Weather.in(city)).build()));
        });
      }
      Sent last = send(client, params.addMessage(first).addUserMessageOfContentBlockParams(results), streamed);
      Matrix.same("the last stop_reason", last.whole.stopReason().orElse(null), StopReason.END_TURN);
      params.addMessage(last.whole);
      return new Round(cities, last.text(), states);
    };
  }

  @Override
  public Ship describe(String alias, String text) {
    var reply = client.messages().create(asking(alias).addUserMessage(text).outputConfig(Ship.class).build());
    return reply.content().stream().flatMap(b -> b.text().stream()).findFirst().orElseThrow().text();
  }

  @Override
  public void look(String alias, String text, byte[] png) {
    var source = Base64ImageSource.builder().mediaType(Base64ImageSource.MediaType.IMAGE_PNG).data(Base64.getEncoder().encodeToString(png)).build();
    send(client, asking(alias).addUserMessageOfContentBlockParams(List.of(
        ContentBlockParam.ofText(TextBlockParam.builder().text(text).build()), ContentBlockParam.ofImage(source))), false);
  }

  @Override
  public void stranger(String alias) {
    send(client("sk-wrong"), asking(alias).addUserMessage(Matrix.SAY), false);
  }

  @Override
  public void malformed(String alias) {
    send(client, asking(alias).addUserMessage(Matrix.SAY).putAdditionalBodyProperty("temperature", JsonValue.from("hot")), false);
  }

  private static final Map<Integer, Class<?>> CLASSES =
      Map.of(401, UnauthorizedException.class, 403, PermissionDeniedException.class, 404, NotFoundException.class,
          400, BadRequestException.class, 429, RateLimitException.class, 503, InternalServerException.class);

  @Override
  public void raised(Exception e, int status) throws Exception {
    if (!CLASSES.get(status).isInstance(e)) throw e;
    AnthropicServiceException said = (AnthropicServiceException) e;
    Matrix.same("status", said.statusCode(), status);
    Matrix.same("a request id", said.headers().values("request-id").isEmpty(), false);
  }

  @Override
  public void broken(Exception e) throws Exception {
    if (!(e instanceof AnthropicServiceException)) throw e;
  }

  @Override
  public Told told(Exception e) {
    if (!(e instanceof AnthropicServiceException said)) return null;
    var body = Matrix.json.valueToTree(said.body());
    return new Told(body.at("/error/bulkhead/code").asText(), body.at("/error/message").asText());
  }
}
