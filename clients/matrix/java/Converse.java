import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.document.Document;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeClient;
import software.amazon.awssdk.services.bedrockruntime.model.*;

/** Converse is the AWS SDK for Java, Converse and ConverseStream, signing with a pair of keys. */
final class Converse implements Client {
  private final BedrockRuntimeClient client = client(System.getenv("BULKHEAD_AWS_ID"), System.getenv("BULKHEAD_AWS_SECRET"));
  private final BedrockRuntimeAsyncClient streams =
      BedrockRuntimeAsyncClient.builder().endpointOverride(URI.create(Matrix.URL)).region(Region.US_GOV_WEST_1)
          .credentialsProvider(credentials(System.getenv("BULKHEAD_AWS_ID"), System.getenv("BULKHEAD_AWS_SECRET")))
          .overrideConfiguration(c -> c.retryStrategy(DefaultRetryStrategy.doNotRetry())).build();

  private static StaticCredentialsProvider credentials(String id, String secret) {
    return StaticCredentialsProvider.create(AwsBasicCredentials.create(id, secret));
  }

  private static BedrockRuntimeClient client(String id, String secret) {
    return BedrockRuntimeClient.builder().endpointOverride(URI.create(Matrix.URL)).region(Region.US_GOV_WEST_1)
        .credentialsProvider(credentials(id, secret)).overrideConfiguration(c -> c.retryStrategy(DefaultRetryStrategy.doNotRetry())).build();
  }

  @Override
  public String name() {
    return "aws-sdk-java";
  }

  @Override
  public Class<?> from() {
    return BedrockRuntimeClient.class;
  }

  /** Sent is what came of a call, whole or in pieces. */
  private record Sent(Message message, StopReason stop, TokenUsage usage, String id) {
    String text() {
      return message.content().stream().map(ContentBlock::text).filter(t -> t != null).collect(Collectors.joining());
    }
  }

  /** What is asked: messages, and what stands beside them. */
  private record Asked(String alias, List<Message> messages, ToolConfiguration tools, Document more) {
    Asked(String alias, ContentBlock... blocks) {
      this(alias, List.of(user(List.of(blocks))), null, null);
    }
  }

  private static Message user(List<ContentBlock> blocks) {
    return Message.builder().role(ConversationRole.USER).content(blocks).build();
  }

  private static final InferenceConfiguration LIMITS = InferenceConfiguration.builder().maxTokens(4000).build();

  private Sent send(Asked asked, boolean streamed) {
    if (streamed) return stream(asked);
    ConverseResponse reply = client.converse(r -> r.modelId(asked.alias).messages(asked.messages).toolConfig(asked.tools).inferenceConfig(LIMITS).additionalModelRequestFields(asked.more));
    return new Sent(reply.output().message(), reply.stopReason(), reply.usage(), reply.responseMetadata().requestId());
  }

  /** Stream gathers the events of a stream; the SDK has no helper for it. */
  private Sent stream(Asked asked) {
    Map<Integer, StringBuilder> pieces = new TreeMap<>();
    Map<Integer, ToolUseBlockStart> calls = new TreeMap<>();
    StopReason[] stop = new StopReason[1];
    TokenUsage[] usage = new TokenUsage[1];
    String[] id = new String[1];
    var visitor = ConverseStreamResponseHandler.Visitor.builder()
        .onContentBlockStart(e -> {
          if (e.start().toolUse() != null) calls.put(e.contentBlockIndex(), e.start().toolUse());
        })
        .onContentBlockDelta(e -> {
          StringBuilder to = pieces.computeIfAbsent(e.contentBlockIndex(), i -> new StringBuilder());
          if (e.delta().text() != null) to.append(e.delta().text());
          if (e.delta().toolUse() != null) to.append(e.delta().toolUse().input());
        })
        .onMessageStop(e -> stop[0] = e.stopReason())
        .onMetadata(e -> usage[0] = e.usage())
        .build();
    var handler = ConverseStreamResponseHandler.builder().subscriber(visitor).onResponse(r -> id[0] = r.responseMetadata().requestId()).build();
    try {
      streams.converseStream(r -> r.modelId(asked.alias).messages(asked.messages).toolConfig(asked.tools).inferenceConfig(LIMITS).additionalModelRequestFields(asked.more), handler).join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
    List<ContentBlock> blocks = new ArrayList<>();
    pieces.forEach((i, text) -> {
      ToolUseBlockStart call = calls.get(i);
      if (call == null) {
        blocks.add(ContentBlock.fromText(text.toString()));
        return;
      }
      Document input = Document.fromMap(Map.of("city", Document.fromString(city(text.toString()))));
      blocks.add(ContentBlock.fromToolUse(ToolUseBlock.builder().toolUseId(call.toolUseId()).name(call.name()).input(input).build()));
    });
    return new Sent(Message.builder().role(ConversationRole.ASSISTANT).content(blocks).build(), stop[0], usage[0], id[0]);
  }

  private static String city(String input) {
    try {
      return Matrix.json.readTree(input).get("city").asText();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Override
  public Reply say(String alias, String text, boolean streamed) {
    Sent sent = send(new Asked(alias, ContentBlock.fromText(text)), streamed);
    int input = sent.usage.inputTokens() + or0(sent.usage.cacheReadInputTokens()) + or0(sent.usage.cacheWriteInputTokens());
    return new Reply(sent.text(), sent.stop.toString(), sent.id, input, sent.usage.outputTokens());
  }

  private static int or0(Integer n) {
    return n == null ? 0 : n;
  }

  private static final Document CITY = Document.mapBuilder().putString("type", "object")
      .putDocument("properties", Document.fromMap(Map.of("city", Document.fromMap(Map.of("type", Document.fromString("string"))))))
      .putList("required", List.of(Document.fromString("city"))).putBoolean("additionalProperties", false).build();

  @Override
  public Conversation talk(String alias, boolean streamed, boolean reason) {
    ToolSpecification weather = ToolSpecification.builder().name("get_weather").description("Weather in a city").inputSchema(ToolInputSchema.fromJson(CITY)).build();
    ToolConfiguration tools = ToolConfiguration.builder().tools(Tool.fromToolSpec(weather)).build();
    Document thinking = Document.fromMap(Map.of("thinking", Document.mapBuilder().putString("type", "enabled").putNumber("budget_tokens", 1024).build()));
    List<Message> messages = new ArrayList<>();
    Asked asked = new Asked(alias, messages, tools, reason ? thinking : null);
    return question -> {
      messages.add(user(List.of(ContentBlock.fromText(question))));
      Sent first = send(asked, streamed);
      Matrix.same("stopReason", first.stop, StopReason.TOOL_USE);
      messages.add(first.message);
      List<String> cities = new ArrayList<>(), states = new ArrayList<>();
      List<ContentBlock> results = new ArrayList<>();
      for (ContentBlock block : first.message.content()) {
        if (block.reasoningContent() != null && block.reasoningContent().reasoningText() != null && block.reasoningContent().reasoningText().signature() != null) {
          states.add(block.reasoningContent().reasoningText().signature());
        }
        if (block.toolUse() == null) continue;
        String city = block.toolUse().input().asMap().get("city").asString();
        cities.add(city);
        results.add(ContentBlock.fromToolResult(r -> r.toolUseId(block.toolUse().toolUseId()).content(ToolResultContentBlock.fromText(Weather.in(city)))));
      }
      messages.add(user(results));
      Sent last = send(asked, streamed);
      Matrix.same("the last stopReason", last.stop, StopReason.END_TURN);
      messages.add(last.message);
      return new Round(cities, last.text(), states);
    };
  }

  @Override
  public Ship describe(String alias, String text) throws Exception {
    String form = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"masts\":{\"type\":\"integer\"}},\"required\":[\"name\",\"masts\"],\"additionalProperties\":false}";
    var format = OutputFormat.builder().type(OutputFormatType.JSON_SCHEMA).structure(OutputFormatStructure.fromJsonSchema(j -> j.name("ship").schema(form))).build();
    ConverseResponse reply = client.converse(r -> r.modelId(alias).messages(user(List.of(ContentBlock.fromText(text)))).outputConfig(o -> o.textFormat(format)));
    return Matrix.json.readValue(reply.output().message().content().get(0).text(), Ship.class);
  }

  @Override
  public void look(String alias, String text, byte[] png) {
    var image = ImageBlock.builder().format(ImageFormat.PNG).source(ImageSource.fromBytes(SdkBytes.fromByteArray(png))).build();
    send(new Asked(alias, ContentBlock.fromText(text), ContentBlock.fromImage(image)), false);
  }

  @Override
  public void stranger(String alias) {
    client("BKIAAAAAAAAAAAAAAAAA", "none").converse(r -> r.modelId(alias).messages(user(List.of(ContentBlock.fromText(Matrix.SAY)))));
  }

  @Override
  public void malformed(String alias) {
    client.converse(r -> r.modelId(alias).messages(Message.builder().role("robot").content(ContentBlock.fromText(Matrix.SAY)).build()));
  }

  /** The SDK's classes; for 401 it has none but that of the service. */
  private static final Map<Integer, Class<?>> CLASSES =
      Map.of(401, BedrockRuntimeException.class, 403, AccessDeniedException.class, 404, ResourceNotFoundException.class,
          400, ValidationException.class, 429, ThrottlingException.class, 503, ServiceUnavailableException.class);

  @Override
  public void raised(Exception e, int status) throws Exception {
    if (!CLASSES.get(status).isInstance(e)) throw e;
    AwsServiceException said = (AwsServiceException) e;
    Matrix.same("status", said.statusCode(), status);
    if (status == 401) Matrix.same("code", said.awsErrorDetails().errorCode(), "UnrecognizedClientException");
    Matrix.same("a request id", said.requestId() != null && !said.requestId().isEmpty(), true);
  }

  @Override
  public void broken(Exception e) throws Exception {
    if (!(e instanceof BedrockRuntimeException)) throw e;
  }

  @Override
  public Told told(Exception e) {
    if (!(e instanceof AwsServiceException said) || said.awsErrorDetails() == null) return null;
    return new Told(said.awsErrorDetails().sdkHttpResponse().firstMatchingHeader("Bulkhead-Error").orElse(""), said.awsErrorDetails().errorMessage());
  }
}
