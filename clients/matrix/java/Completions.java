import com.openai.client.OpenAIClient;
import com.openai.core.JsonValue;
import com.openai.core.http.HttpResponseFor;
import com.openai.core.http.StreamResponse;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.ReasoningEffort;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionContentPart;
import com.openai.models.chat.completions.ChatCompletionContentPartImage;
import com.openai.models.chat.completions.ChatCompletionContentPartText;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Completions is openai-java by Chat Completions. */
final class Completions extends OpenAI {
  @Override
  public String name() {
    return "openai-java chat";
  }

  private record Sent(ChatCompletion whole, String id) {
    ChatCompletion.Choice one() {
      return whole.choices().get(0);
    }
  }

  private static ChatCompletionCreateParams.Builder asking(String alias) {
    return ChatCompletionCreateParams.builder().model(alias);
  }

  /** Send asks; a stream is gathered by the SDK's own accumulator. */
  private static Sent send(OpenAIClient client, ChatCompletionCreateParams.Builder params, boolean streamed) {
    var raw = client.chat().completions().withRawResponse();
    if (!streamed) {
      try (HttpResponseFor<ChatCompletion> reply = raw.create(params.build())) {
        return new Sent(reply.parse(), reply.requestId().orElse(""));
      }
    }
    params.streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build());
    try (HttpResponseFor<StreamResponse<ChatCompletionChunk>> reply = raw.createStreaming(params.build()); var chunks = reply.parse()) {
      ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
      chunks.stream().forEach(whole::accumulate);
      return new Sent(whole.chatCompletion(), reply.requestId().orElse(""));
    }
  }

  @Override
  public Reply say(String alias, String text, boolean streamed) {
    Sent sent = send(client, asking(alias).addUserMessage(text), streamed);
    var usage = sent.whole.usage().orElseThrow();
    return new Reply(sent.one().message().content().orElse(""), sent.one().finishReason().asString(), sent.id, usage.promptTokens(), usage.completionTokens());
  }

  @Override
  public Conversation talk(String alias, boolean streamed, boolean reason) {
    ChatCompletionCreateParams.Builder params = asking(alias).addTool(Weather.class);
    if (reason) params.reasoningEffort(ReasoningEffort.LOW).maxCompletionTokens(4000);
    return question -> {
      ChatCompletion.Choice first = send(client, params.addUserMessage(question), streamed).one();
      Matrix.same("finish_reason", first.finishReason(), ChatCompletion.Choice.FinishReason.TOOL_CALLS);
      params.addMessage(first.message());
      List<String> cities = new ArrayList<>();
      for (var call : first.message().toolCalls().orElseThrow()) {
        String city = call.asFunction().function().arguments(Weather.class).city;
        cities.add(city);
        params.addMessage(ChatCompletionToolMessageParam.builder().toolCallId(call.asFunction().id()).content(Weather.in(city)).build());
      }
      ChatCompletion.Choice last = send(client, params, streamed).one();
      Matrix.same("the last finish_reason", last.finishReason(), ChatCompletion.Choice.FinishReason.STOP);
      params.addMessage(last.message());
      return new Round(cities, last.message().content().orElse(""), List.of());
    };
  }

  @Override
  public Ship describe(String alias, String text) {
    var reply = client.chat().completions().create(asking(alias).addUserMessage(text).responseFormat(Ship.class).build());
    return reply.choices().get(0).message().content().orElseThrow();
  }

  @Override
  public void look(String alias, String text, byte[] png) {
    var url = ChatCompletionContentPartImage.ImageUrl.builder().url("data:image/png;base64," + Base64.getEncoder().encodeToString(png)).build();
    send(client, asking(alias).addUserMessageOfArrayOfContentParts(List.of(
        ChatCompletionContentPart.ofText(ChatCompletionContentPartText.builder().text(text).build()),
        ChatCompletionContentPart.ofImageUrl(ChatCompletionContentPartImage.builder().imageUrl(url).build()))), false);
  }

  @Override
  public void stranger(String alias) {
    send(client("sk-wrong"), asking(alias).addUserMessage(Matrix.SAY), false);
  }

  @Override
  public void malformed(String alias) {
    send(client, asking(alias).addUserMessage(Matrix.SAY).putAdditionalBodyProperty("temperature", JsonValue.from("hot")), false);
  }
}
