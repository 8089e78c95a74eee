import "./openai-chat.mjs"; import "./openai-tools.mjs"; import "./openai-errors.mjs";
