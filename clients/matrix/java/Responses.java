import com.openai.client.OpenAIClient;
import com.openai.core.JsonValue;
import com.openai.core.http.HttpResponseFor;
import com.openai.core.http.StreamResponse;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.Reasoning;
import com.openai.models.ReasoningEffort;
import com.openai.models.responses.EasyInputMessage;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseIncludable;
import com.openai.models.responses.ResponseInputContent;
import com.openai.models.responses.ResponseInputImage;
import com.openai.models.responses.ResponseInputItem;
import com.openai.models.responses.ResponseInputText;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/** Responses is openai-java by the Responses API. */
final class Responses extends OpenAI {
  @Override
  public String name() {
    return "openai-java responses";
  }

  private record Sent(Response whole, String id) {
    String text() {
      return whole.output().stream().flatMap(item -> item.message().stream()).flatMap(m -> m.content().stream())
          .flatMap(c -> c.outputText().stream()).map(t -> t.text()).collect(Collectors.joining());
    }
  }

  /** Failed is raised for an event by which a stream says that it failed. */
  private static final class Failed extends Exception {
    private static final long serialVersionUID = 1;

    Failed(Object event) {
      super("the stream says that it failed: " + event);
    }
  }

  /** Asking keeps nothing at the vendor, so what is opaque of reasoning is asked for. */
  private static ResponseCreateParams.Builder asking(String alias) {
    return ResponseCreateParams.builder().model(alias).store(false).addInclude(ResponseIncludable.REASONING_ENCRYPTED_CONTENT);
  }

  /** Send asks; a stream is gathered by the SDK's own accumulator. */
  private static Sent send(OpenAIClient client, ResponseCreateParams.Builder params, boolean streamed) throws Failed {
    var raw = client.responses().withRawResponse();
    if (!streamed) {
      try (HttpResponseFor<Response> reply = raw.create(params.build())) {
        return new Sent(reply.parse(), reply.requestId().orElse(""));
      }
    }
    try (HttpResponseFor<StreamResponse<ResponseStreamEvent>> reply = raw.createStreaming(params.build()); var events = reply.parse()) {
      ResponseAccumulator whole = ResponseAccumulator.create();
      StringBuilder text = new StringBuilder();
      for (ResponseStreamEvent event : (Iterable<ResponseStreamEvent>) events.stream()::iterator) {
        if (event.isError() || event.isFailed()) throw new Failed(event);
        event.outputTextDelta().ifPresent(e -> text.append(e.delta()));
        whole.accumulate(event);
      }
      Sent sent = new Sent(whole.response(), reply.requestId().orElse(""));
      Matrix.same("the text in pieces", text.toString(), sent.text());
      return sent;
    }
  }

  @Override
  public Reply say(String alias, String text, boolean streamed) throws Exception {
    Sent sent = send(client, asking(alias).input(text), streamed);
    var usage = sent.whole.usage().orElseThrow();
    return new Reply(sent.text(), sent.whole.status().orElseThrow().asString(), sent.id, usage.inputTokens(), usage.outputTokens());
  }

  @Override
  public Conversation talk(String alias, boolean streamed, boolean reason) {
    ResponseCreateParams.Builder params = asking(alias).addTool(Weather.class);
    if (reason) params.reasoning(Reasoning.builder().effort(ReasoningEffort.LOW).build()).maxOutputTokens(4000);
    List<ResponseInputItem> input = new ArrayList<>();
    return question -> {
      input.add(ResponseInputItem.ofEasyInputMessage(EasyInputMessage.builder().role(EasyInputMessage.Role.USER).content(question).build()));
      Response first = send(client, params.inputOfResponse(input), streamed).whole;
      Matrix.same("status", first.status().orElse(null), ResponseStatus.COMPLETED);
      back(first, input);
      List<String> cities = new ArrayList<>(), states = new ArrayList<>();
      for (var item : first.output()) {
        item.reasoning().flatMap(r -> r.encryptedContent()).ifPresent(states::add);
        item.functionCall().ifPresent(call -> {
          String city = call.arguments(Weather.class).city;
          cities.add(city);
          input.add(ResponseInputItem.ofFunctionCallOutput(ResponseInputItem.FunctionCallOutput.builder().callId(call.callId()).output(Weather.in(city)).build()));
        });
      }
      Sent last = send(client, params.inputOfResponse(input), streamed);
      Matrix.same("the last status", last.whole.status().orElse(null), ResponseStatus.COMPLETED);
      back(last.whole, input);
      return new Round(cities, last.text(), states);
    };
  }

  /** Back gives the items of a reply back as they came. */
  private static void back(Response reply, List<ResponseInputItem> input) {
    for (var item : reply.output()) {
      item.reasoning().ifPresent(r -> input.add(ResponseInputItem.ofReasoning(r)));
      item.message().ifPresent(m -> input.add(ResponseInputItem.ofResponseOutputMessage(m)));
      item.functionCall().ifPresent(c -> input.add(ResponseInputItem.ofFunctionCall(c)));
    }
  }

  @Override
  public Ship describe(String alias, String text) {
    var reply = client.responses().create(asking(alias).input(text).text(Ship.class).build());
    return reply.output().stream().flatMap(i -> i.message().stream()).flatMap(m -> m.content().stream()).flatMap(c -> c.outputText().stream()).findFirst().orElseThrow();
  }

  @Override
  public void look(String alias, String text, byte[] png) throws Exception {
    var image = ResponseInputImage.builder().detail(ResponseInputImage.Detail.AUTO).imageUrl("data:image/png;base64," + Base64.getEncoder().encodeToString(png)).build();
    var content = List.of(ResponseInputContent.ofInputText(ResponseInputText.builder().text(text).build()), ResponseInputContent.ofInputImage(image));
    var message = EasyInputMessage.builder().role(EasyInputMessage.Role.USER).contentOfResponseInputMessageContentList(content).build();
    send(client, asking(alias).inputOfResponse(List.of(ResponseInputItem.ofEasyInputMessage(message))), false);
  }

  @Override
  public void stranger(String alias) throws Exception {
    send(client("sk-wrong"), asking(alias).input(Matrix.SAY), false);
  }

  @Override
  public void malformed(String alias) throws Exception {
    send(client, asking(alias).input(Matrix.SAY).putAdditionalBodyProperty("temperature", JsonValue.from("hot")), false);
  }

  @Override
  public void broken(Exception e) throws Exception {
    if (!(e instanceof Failed)) super.broken(e);
  }
}
